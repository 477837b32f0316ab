// The demo app of the local stack.
import { refreshBalance } from '../balance.js'
import { welcome } from './account.js'
import { $, trouble } from './client.js'
import { say } from './words.js'

// The keys of what nobody knows the end of: the same again must not cost again.
const unknown = new Map()

const keyOf = (asked) => unknown.get(asked) ?? crypto.randomUUID()

// What is said of an answer: for sure, and where an earlier one to the same question is unknown.
const SAID = { 401: 'session_over_untaken', 402: 'too_few', 409: 'duplicate' }
const IN_DOUBT = { 401: 'session_over_asked', 409: 'duplicate' }

export const playApp = ({ config, client }) => {
  const form = $('#ask')
  const paywall = $('coinslot-paywall')
  const reply = form.querySelector('.reply')

  const call = async (what, { question, fail, key }) => {
    const headers = { 'idempotency-key': key }
    const answer = await client.call(what, headers, { question, fail }).catch(() => null)
    const status = answer?.status ?? 0
    const data = await answer?.json().catch(() => null)
    const refusal = answer?.ok ? null : data
    if (status === 402) reply.textContent = say(SAID[402])
    const asked = `${what} ${question}`
    // Only the app itself can know that it took nothing; a proxy that answers for it does not.
    const failed = refusal?.code === 'generation_failed'
    const refused = status >= 400 && status < 500 && refusal?.code
    // Too few tokens, or another call's key: any other refusal says nothing of what was sent before.
    if (status === 200 || failed || /^PT40[29]$/.test(refusal?.code)) unknown.delete(asked)
    else if (!refused) unknown.set(asked, key)
    const doubt = unknown.has(asked) && (IN_DOUBT[status] ?? 'lost')
    return { status, data, error: refusal, said: failed ? 'no_answer' : doubt || SAID[status] }
  }

  const show = ({ status, data, said = 'failed' }) => {
    reply.textContent = status === 200 ? data.reply : say(said)
    refreshBalance()
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
    if (!question) {
      reply.textContent = say('empty_question')
      return form.question.focus()
    }
    const data = { question, fail: form.fail.checked, key: keyOf(`${what} ${question}`) }
    busy(true)
    reply.textContent = say(what === 'ask' ? 'thinking' : 'thinking_long')
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
    if (error) trouble(say('failed'))
  })
  // Not for the next one's eyes.
  document.addEventListener('left', () => {
    form.reset()
    reply.textContent = ''
  })
  client.auth.getSession().then(({ data }) => data.session || welcome())
  $('#bank').href = config.demo.bankUrl
  $('#demo').hidden = false
}
