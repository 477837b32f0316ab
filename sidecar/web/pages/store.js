// The store page: who is signed in, and with it what is shown.
import { start, trouble } from './client.js'
import { choose, FAILED, locale, say } from './words.js'

const $ = (selector) => document.querySelector(selector)

let config, client, coinslot
let person = null
let leaving = false

const greet = () => {
  const name = person?.user_metadata.full_name || person?.email || ''
  const korean = locale() === 'ko'
  $('#greeting').textContent = say('Hello, {name}', { name })
  Object.assign($('#language'), { lang: korean ? 'en' : 'ko', textContent: korean ? 'English' : '한국어' })
}

const show = () => {
  $('#welcome').hidden = Boolean(person)
  for (const id of ['#shop', '#leave', 'coinslot-balance']) $(id).hidden = !person
  $('#sandbox-note').hidden = !config.demo
  greet()
}

// ---- who ----

const CONFIRM = 'Look into your mail to confirm the address, then sign in.'
const COMPLAINTS = {
  invalid_credentials: 'The address or the password is not right.',
  user_already_exists: 'There is an account with this address already: sign in.',
  email_not_confirmed: CONFIRM,
}

$('#credentials').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const enter = event.submitter?.value === 'up' ? 'signUp' : 'signInWithPassword'
  const { data, error } = await client.auth[enter](Object.fromEntries(new FormData(form)))
  const complaint = error ? (COMPLAINTS[error.code] ?? (error.code ? error.message : FAILED)) : !data.session && CONFIRM
  form.querySelector('.said').textContent = complaint ? say(complaint) : ''
})

$('#leave').addEventListener('click', () => {
  leaving = true
  client.auth.signOut({ scope: 'local' })
})

const onAuth = (event, session) => {
  if (event === 'SIGNED_OUT' && person && !leaving) {
    trouble(say('Your session has ended. What you paid for stays yours: sign in again to see it.'))
  } else if (session || leaving) trouble(null)
  leaving = false
  const now = session?.user ?? null
  if (event !== 'INITIAL_SESSION' && now?.id === person?.id) return
  if (person) {
    $('#ask').reset() // not for the next one's eyes
    $('#ask .reply').textContent = ''
  }
  person = now
  show()
}

// Who is told to sign in is shown where.
document.addEventListener('coinslot-error', ({ detail }) => {
  if (detail.kind === 'signed_out' && person) client.auth.signOut({ scope: 'local' })
})
document.addEventListener('coinslot-purchased', () => {
  if (!person) trouble(say('Your payment went through: sign in again to see your tokens.'))
})

// ---- in which language ----

$('#language').addEventListener('click', async () => {
  await choose(locale() === 'ko' ? 'en' : 'ko')
  coinslot.setLocale(locale())
  greet()
})

const started = await start({ signedIn: true })
if (started) {
  ;({ config, client, coinslot } = started)
  if (config.demo) (await import('./demo.js')).playApp(started)
  client.auth.onAuthStateChange(onAuth)
}
