// The demo app of the local stack.
import { trouble } from './client.js'
import { FAILED, say } from './words.js'

const $ = (selector) => document.querySelector(selector)

// Of the request before, if nobody knows what became of it: the same again must not cost again.
let unknown = null

const keyOf = (question) => (unknown?.question === question ? unknown.key : crypto.randomUUID())

const LOST = 'The connection was lost. Ask the same again: it is taken only once.'
const OUTCOMES = {
  401: 'Your session has ended. Nothing was taken: sign in again.',
  402: 'Not enough tokens. Nothing was taken.',
  409: 'This answer is being generated already, maybe in another tab. Nothing is taken twice.',
}
const NO_ANSWER = 'The answer could not be generated. Nothing was taken: your tokens are back.'

export const playApp = ({ config, client, coinslot }) => {
  const form = $('#ask')
  const paywall = $('coinslot-paywall')
  const reply = form.querySelector('.reply')

  const call = async (what, { question, fail, key }) => {
    const headers = { 'idempotency-key': key }
    const { data, error } = await client.functions.invoke(what, { headers, body: { question, fail } })
    const status = error ? (error.context?.status ?? 0) : 200
    const refusal = error && (await error.context?.json?.().catch(() => null))
    if (status === 402) reply.textContent = say(OUTCOMES[402])
    // Only the app itself can know that it took nothing; a proxy that answers for it does not.
    const failed = refusal?.code === 'generation_failed'
    unknown = (status === 0 || status >= 500) && !failed ? { question, key } : null
    return { status, data, error: refusal, said: failed ? NO_ANSWER : unknown ? LOST : OUTCOMES[status] }
  }

  const show = ({ status, data, said = FAILED }) => {
    reply.textContent = status === 200 ? data.reply : say(said)
    coinslot.refreshBalance()
  }

  const busy = (on) => {
    for (const button of form.querySelectorAll('button')) button.disabled = on
  }

  // The second half of a double click is no second question, however fast the first was answered.
  form.addEventListener('click', (event) => event.detail > 1 && event.target.closest('[type=submit]') && event.preventDefault())
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const what = event.submitter?.value ?? 'ask'
    const question = form.question.value.trim()
    const data = { question, fail: form.fail.checked, key: keyOf(question) }
    busy(true)
    reply.textContent = say(
      what === 'ask' ? 'Working on it…' : 'Two tokens are set aside while the answer is generated…',
    )
    try {
      show(await paywall.guard(() => call(what, data), { name: what, data }))
    } finally {
      busy(false)
      if (document.activeElement === document.body) event.submitter?.focus() // it was lost with the button
    }
  })
  for (const what of ['ask', 'answer']) {
    const again = async ({ data }) => {
      form.question.value = data.question
      return call(what, data)
    }
    paywall.resume(what, again).then((result) => result && show(result))
  }

  $('#people').addEventListener('click', async ({ target: { value: email } }) => {
    const { error } = email ? await client.auth.signInWithPassword({ email, password: 'coinslot' }) : {}
    if (error) trouble(say(FAILED))
  })
  $('#bank').href = config.demo.bankUrl
  $('#people').hidden = $('#demo').hidden = false
}
