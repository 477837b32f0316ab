// Stands for your model: whoever listens at MODEL_URL.
export async function generate(question, signal) {
  const answer = await fetch(process.env.MODEL_URL, { method: 'POST', body: question, signal })
  if (!answer.ok) throw new Error(`the model answered ${answer.status}`)
  return answer.text()
}
