// The store page: who is signed in, and with it what is shown.
import { setLocale } from '/web/coinslot.js'
import { start, trouble } from './client.js'
import { choose, locale, say } from './words.js'

const $ = (selector) => document.querySelector(selector)
const { config, client } = await start()

let person = null

const greet = () => {
  const name = person?.user_metadata.full_name || person?.email || ''
  $('#greeting').textContent = say('Hello, {name}', { name })
  $('#language').textContent = locale() === 'ko' ? 'English' : '한국어'
  $('#language').lang = locale() === 'ko' ? 'en' : 'ko'
}

const show = () => {
  $('#welcome').hidden = Boolean(person)
  for (const id of ['#shop', '#leave', 'coinslot-balance']) $(id).hidden = !person
  $('#sandbox-note').hidden = !config.demo
  greet()
}

// ---- who ----

const COMPLAINTS = {
  invalid_credentials: 'The address or the password is not right.',
  user_already_exists: 'There is an account with this address already: sign in.',
  email_not_confirmed: 'Look into your mail to confirm the address, then sign in.',
}

$('#credentials').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const credentials = Object.fromEntries(new FormData(form))
  const said = form.querySelector('.said')
  said.textContent = ''
  const up = event.submitter?.value === 'up'
  const { data, error } = await (up
    ? client.auth.signUp(credentials)
    : client.auth.signInWithPassword(credentials))
  if (error) said.textContent = say(COMPLAINTS[error.code] ?? (error.message || 'That did not work. Try again.'))
  else if (!data.session) said.textContent = say(COMPLAINTS.email_not_confirmed)
})

$('#leave').addEventListener('click', () => {
  person = null
  client.auth.signOut({ scope: 'local' })
})

client.auth.onAuthStateChange((event, session) => {
  if (event === 'SIGNED_OUT' && person) {
    trouble(say('Your session has ended. What you paid for stays yours: sign in again to see it.'))
  } else if (session) trouble(null)
  if (person?.id === session?.user.id && event !== 'INITIAL_SESSION') return
  person = session?.user ?? null
  show()
})

// ---- in which language ----

$('#language').addEventListener('click', async () => {
  await choose(locale() === 'ko' ? 'en' : 'ko')
  setLocale(locale())
  greet()
})

if (config.demo) {
  const { playApp } = await import('./demo.js')
  playApp(config, client)
}
