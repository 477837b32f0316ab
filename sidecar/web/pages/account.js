// The store page: who is signed in, and with it what is shown.
import { $, start, trouble } from './client.js'
import { say } from './words.js'

let config, client
let person = null
let leaving = false

const greet = () => {
  const name = person?.user_metadata.full_name || person?.email || ''
  $('#greeting').textContent = say('greeting', { name })
}

const show = () => {
  $('#welcome').hidden = Boolean(person)
  for (const id of ['#shop', '#leave', 'coinslot-balance']) $(id).hidden = !person
  $('#sandbox-note').hidden = !config.demo
  greet()
}

// ---- who ----

const COMPLAINTS = {
  invalid_credentials: 'wrong_password',
  user_already_exists: 'exists',
  email_not_confirmed: 'confirm_mail',
}

$('#credentials').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const enter = event.submitter?.value === 'up' ? 'signUp' : 'signInWithPassword'
  const { data, error } = await client.auth[enter](Object.fromEntries(new FormData(form)))
  const known = error ? COMPLAINTS[error.code] : !data.session && 'confirm_mail'
  const complaint = known ? say(known) : error && (error.code ? error.message : say('failed'))
  form.querySelector('.said').textContent = complaint || ''
})

$('#leave').addEventListener('click', () => {
  leaving = true
  client.auth.signOut({ scope: 'local' })
})

const onAuth = (event, session) => {
  if (event === 'SIGNED_OUT' && person && !leaving) {
    trouble(say('session_over'))
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
  if (!person) trouble(say('bought_signed_out'))
})

/** `play` is given the settings and the client before anybody is greeted. */
export async function open(play = () => {}) {
  const started = await start()
  if (!started) return
  ;({ config, client } = started)
  play(started)
  client.auth.onAuthStateChange(onAuth)
}
