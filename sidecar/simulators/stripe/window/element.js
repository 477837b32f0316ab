// Stripe's Payment Element: the card is chosen in here, and never seen by the page around it.
import { plan } from '/_windows/storing.js'
import { make, play, query, say } from '/_windows/words.js'
import { intentOf } from './intent.js'

const CARDS = [
  ['4242 4242 4242 4242', 'is paid', { method: 'pm_card_visa' }],
  ['4000 0000 0000 0002', 'is declined', { method: 'pm_card_visa_chargeDeclined' }],
  ['4000 0000 0000 3220', 'asks for 3-D Secure', { method: 'pm_card_threeDSecure2Required' }],
  ['Bank debit', 'takes until the bank says so', { method: 'pm_card_visa', outcome: 'awaiting_deposit' }],
]
// Of a SetupIntent: what becomes of the charges that follow.
const STORED = [
  ['4242 4242 4242 4242', 'is paid', { next: [] }],
  ['4000 0000 0000 0002', 'cannot be stored', {}],
  ['4000 0000 0000 0341', 'is declined when it is charged', { next: ['soft', 'soft', 'soft', 'soft'] }],
  ['4000 0027 6000 3184', 'asks for 3-D Secure when it is charged', { next: ['auth', 'auth'] }],
]
const shop = query.get('origin')
const tell = (what) => parent.postMessage(what, shop)
const stores = /^seti_/.test(query.get('intent') ?? '')
const shown = stores ? STORED : CARDS

const choices = shown.map(([name, effect], number) => {
  const input = make('input', { type: 'radio', name: 'card', value: number, checked: number === 0 })
  return make('label', {}, input, make('strong', {}, say(name)), make('span', {}, say(effect)))
})
const legend = make('legend', {}, say('Test card'))
document.querySelector('#element').append(make('fieldset', {}, legend, ...choices))

const chosen = () => shown[document.querySelector('input:checked').value][2]

const store = async () => {
  const { next } = chosen()
  const id = query.get('intent')
  if (!next) return { error: { type: 'card_error', code: 'card_declined', decline_code: 'generic_decline' } }
  await plan('stripe', id, next)
  await play('stripe', 'register', { customer: id })
  return { setup: { id, object: 'setup_intent', status: 'succeeded' } }
}

const pay = async () => {
  const turn = chosen()
  const [id, secret] = [query.get('intent'), query.get('secret')]
  await intentOf(id, secret)
  await play('stripe', 'pay', { payment_intent: id, ...turn })
  const intent = await intentOf(id, secret)
  if (intent.status !== 'requires_payment_method') return { intent }
  return { error: { ...intent.last_payment_error, payment_intent: intent } }
}

const failure = ({ message, code }) => ({ error: { type: code ? 'invalid_request_error' : 'api_error', code, message } })

addEventListener('message', ({ origin, source, data }) => {
  if (origin !== shop || source !== parent || !data.confirm) return
  ;(stores ? store : pay)().catch(failure).then(tell)
})
tell({ ready: true, height: Math.ceil(document.documentElement.scrollHeight) })
