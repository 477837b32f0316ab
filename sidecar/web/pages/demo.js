// The demo app of the local stack.
import { trouble } from './client.js'
import { FAILED, say } from './words.js'

const $ = (selector) => document.querySelector(selector)

// The keys of what nobody knows the end of: the same again must not cost again.
const unknown = new Map()

const keyOf = (asked) => unknown.get(asked) ?? crypto.randomUUID()

const ENDED = 'Your session has ended. Sign in and ask the same again: it is taken only once.'
const LOST = 'The connection was lost. Ask the same again: it is taken only once.'
const OUTCOMES = {
  401: 'Your session has ended. Nothing was taken: sign in again.',
  402: 'Not enough tokens. Nothing was taken.',
  409: 'This answer is being generated already, maybe in another tab. Nothing is taken twice.',
}
const IN_DOUBT = { 401: ENDED, 409: OUTCOMES[409] }
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
    const asked = `${what} ${question}`
    // Only the app itself can know that it took nothing; a proxy that answers for it does not.
    const failed = refusal?.code === 'generation_failed'
    const refused = status >= 400 && status < 500 && refusal?.code
    // Too few tokens, or another call's key: any other refusal says nothing of what was sent before.
    if (status === 200 || failed || /^PT40[29]$/.test(refusal?.code)) unknown.delete(asked)
    else if (!refused) unknown.set(asked, key)
    const doubt = unknown.has(asked) && (IN_DOUBT[status] ?? LOST)
    return { status, data, error: refusal, said: failed ? NO_ANSWER : doubt || OUTCOMES[status] }
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
    const data = { question, fail: form.fail.checked, key: keyOf(`${what} ${question}`) }
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
