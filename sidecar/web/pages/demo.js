// The demo app of the local stack: people to be, questions to ask, a bank to pay into accounts at.
import { say } from './words.js'

const $ = (selector) => document.querySelector(selector)

// Fictional, from `supabase/seed.sql`.
const PEOPLE = { Mina: 'mina@example.com', Alex: 'alex@example.com' }

// Of the request before, if nobody knows what became of it: the same again must not cost again.
let unknown = null

const keyOf = (question) => (unknown?.question === question ? unknown.key : crypto.randomUUID())

const OUTCOMES = {
  0: 'The connection was lost. Ask the same again: it is taken only once.',
  402: 'Not enough tokens. Nothing was taken.',
  409: 'This answer is being generated already, maybe in another tab. Nothing is taken twice.',
  502: 'The answer could not be generated. Nothing was taken: your tokens are back.',
}

export const playApp = ({ config, client, coinslot }) => {
  const form = $('#ask')
  const paywall = $('coinslot-paywall')
  const reply = form.querySelector('.reply')

  const call = async (what, { question, fail, key }) => {
    const headers = { 'idempotency-key': key }
    const { data, error } = await client.functions.invoke(what, { headers, body: { question, fail } })
    const status = error ? (error.context?.status ?? 0) : 200
    unknown = status === 0 ? { question, key } : null
    const refusal = error && (await error.context?.json?.().catch(() => null))
    return { status, data, error: refusal }
  }

  const show = ({ status, data }) => {
    reply.textContent = status === 200 ? data.reply : say(OUTCOMES[status] ?? 'That did not work. Try again.')
    coinslot.refreshBalance()
  }

  const busy = (on) => {
    for (const button of form.querySelectorAll('button')) button.disabled = on
  }

  // The second half of a double click is no second question, however fast the first was answered.
  form.addEventListener('click', (event) => event.detail > 1 && event.target.type === 'submit' && event.preventDefault())
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
    }
  })
  for (const what of ['ask', 'answer']) {
    const again = async ({ data }) => {
      form.question.value = data.question
      return call(what, data)
    }
    paywall.resume(what, again).then((result) => result && show(result))
  }

  for (const [name, email] of Object.entries(PEOPLE)) {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = say('Continue as {name}', { name })
    button.onclick = () => client.auth.signInWithPassword({ email, password: 'coinslot' })
    $('#people').append(button)
  }
  $('#bank').href = config.demo.bankUrl
  $('#people').hidden = $('#demo').hidden = false
}
