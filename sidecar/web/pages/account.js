// The store page: who is signed in, and with it what is shown.
import { $, start, trouble } from './client.js'
import { say } from './words.js'

const COMPLAINTS = {
  invalid_credentials: 'wrong_password',
  user_already_exists: 'exists',
  email_not_confirmed: 'confirm_mail',
}

let client
let person = null
let leaving = false

function show() {
  const name = person?.user_metadata.full_name || person?.email || ''
  Object.assign($('#who'), { textContent: name, title: name })
  const own = ['#who', '#leave', '#activity', '#own', 'coinslot-balance']
  for (const each of own.map($).filter(Boolean)) each.hidden = !person
  $('#enter').hidden = Boolean(person)
  if (person) $('#welcome').close()
}

export function welcome() {
  if (!$('#welcome').open) $('#welcome').showModal()
}

$('#enter').addEventListener('click', welcome)
$('#later').addEventListener('click', () => $('#welcome').close())
$('#leave').addEventListener('click', () => {
  leaving = true
  client.auth.signOut({ scope: 'local' })
})

$('#credentials').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const enter = event.submitter?.value === 'up' ? 'signUp' : 'signInWithPassword'
  const { data, error } = await client.auth[enter](Object.fromEntries(new FormData(form)))
  const known = error ? COMPLAINTS[error.code] : !data.session && 'confirm_mail'
  const complaint = known ? say(known) : error && (error.code ? error.message : say('failed'))
  form.querySelector('.said').textContent = complaint || ''
})

function onAuth(event, session) {
  if (event === 'SIGNED_OUT' && person && !leaving) trouble(say('session_over'))
  else if (session || leaving) trouble(null)
  leaving = false
  const now = session?.user ?? null
  if (event !== 'INITIAL_SESSION' && now?.id === person?.id) return
  const before = person
  person = now
  show()
  if (before) document.dispatchEvent(new Event('left'))
}

// Who is told to sign in is shown where, and finds what was chosen.
document.addEventListener('coinslot-error', ({ detail }) => {
  if (detail.kind !== 'signed_out') return
  if (person) client.auth.signOut({ scope: 'local' })
  welcome()
})
document.addEventListener('coinslot-purchased', () => {
  if (!person) trouble(say('bought_signed_out'))
})

/** `play` is given the settings and the client before anybody is known. */
export async function open(play = () => {}) {
  const started = await start()
  if (!started) return
  client = started.client
  const { reward = 0, bonus = 0 } = started.config.invitations ?? {}
  if ($('#invite')) $('#invite').hidden = !reward && !bonus
  if ($('#plans')) $('#plans').hidden = !(started.config.subscriptions?.length || started.config.topUps?.length)
  play(started)
  client.auth.onAuthStateChange(onAuth)
}
