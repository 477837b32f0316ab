// Stripe's Express Checkout Element: the buttons of wallets, which pay with a card of their own.
import { make, play, query, say } from '/_windows/words.js'
import { intentOf } from './intent.js'

const NAMES = { apple_pay: 'Apple Pay', google_pay: 'Google Pay', link: 'Link' }
const shop = query.get('origin')
const tell = (what) => parent.postMessage(what, shop)
let pressed = null

const buttons = (query.get('wallets') ?? '').split(',').filter(Boolean).map((wallet) => {
  const text = say('Pay with {name}', { name: NAMES[wallet] })
  const button = make('button', { type: 'button', className: 'main' }, text)
  button.addEventListener('click', () => {
    pressed = wallet
    tell({ pressed: wallet })
  })
  return button
})
document.querySelector('#element').append(make('div', { className: 'choices' }, ...buttons))

const pay = async () => {
  const [id, secret] = [query.get('intent'), query.get('secret')]
  await intentOf(id, secret)
  await play('stripe', 'pay', { payment_intent: id, method: 'pm_card_visa', wallet: pressed })
  return { intent: await intentOf(id, secret) }
}

const failure = ({ message, code }) => ({ error: { type: code ? 'invalid_request_error' : 'api_error', code, message } })

addEventListener('message', ({ origin, source, data }) => {
  if (origin !== shop || source !== parent || !data.confirm) return
  pay().catch(failure).then(tell)
})
tell({ ready: true, height: Math.ceil(document.documentElement.scrollHeight) })
