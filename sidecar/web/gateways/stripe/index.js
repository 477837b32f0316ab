// Stripe: https://docs.stripe.com/payments/accept-a-payment (Payment Element), and for wallets
// https://docs.stripe.com/elements/express-checkout-element.

import { openForm } from '../../elements/form.js'
import { told } from '../declines.js'
import { load, ScriptFailed } from '../load.js'
import { DECLINES } from './declines.js'

const script = ['stripe', 'https://js.stripe.com/v3/', 'Stripe']
const WALLETS = { applepay: 'applePay', googlepay: 'googlePay', link: 'link' }

export const window = () => ({ script, pay })

export const checkout = ({ productId, currency, method, quantity, promoCode }) =>
  ['/payment/stripe/create', { productId, currency, method, quantity, promoCode }]

// Made again under its key, an order has its payment looked at.
export const settle = (order) => order.productId && checkout(order)

export function returned(get) {
  if (!get('payment_intent')) return null
  const claimed = /^(succeeded|processing)$/.test(get('redirect_status'))
  return { claimed: claimed && Date.now() }
}

async function pay(order, { sdk, locale, dark, returnUrl, element: store, show }) {
  const Stripe = await load(sdk, 'Stripe')
  const { clientSecret, publishableKey } = order.checkout
  const client = Stripe(publishableKey)
  const appearance = { theme: dark ? 'night' : 'stripe' }
  const elements = client.elements({ clientSecret, locale, appearance })
  const wallet = WALLETS[order.method]
  const element = wallet ? inWallet(elements, wallet) : elements.create('payment', FIELDS[order.method])
  const panel = openForm(store, order, show)
  try {
    if ((await Promise.race([mounted(element, panel.box), panel.left])) === false) return { closed: true }
    panel.ready()
    const way = { elements, confirmParams: { return_url: returnUrl }, redirect: 'if_required' }
    const pressed = wallet ? presses(element, panel) : panel.submitted
    return await untilPaid(panel, pressed, () => client.confirmPayment(way), locale)
  } finally {
    element.destroy?.()
    panel.close()
  }
}

// Wallets are ways of their own, beside the card. Without a way, Stripe shows all that the account has.
export const FIELDS = {
  card: { paymentMethodOrder: ['card'], wallets: { applePay: 'never', googlePay: 'never', link: 'never' } },
}

/** The wallet's own button, which its makers demand. */
function inWallet(elements, wallet) {
  const ways = { applePay: 'never', googlePay: 'never', link: 'never', paypal: 'never', klarna: 'never', amazonPay: 'never' }
  return elements.create('expressCheckout', { paymentMethods: { ...ways, [wallet]: 'auto' } })
}

function presses(element, panel) {
  let confirm = () => {}
  element.on('confirm', () => confirm(true))
  return () => Promise.race([panel.left, new Promise((resolve) => (confirm = resolve))])
}

export function mounted(element, box) {
  return new Promise((resolve, reject) => {
    element.on('ready', (event) => {
      // A wallet that this browser does not have brings an element without a button.
      const nothing = 'availablePaymentMethods' in (event ?? {}) && !event.availablePaymentMethods
      if (nothing) reject(new ScriptFailed('wallet'))
      else resolve()
    })
    element.on('loaderror', ({ error }) => reject(new ScriptFailed(error?.message)))
    element.mount(box)
  })
}

// A declined card leaves the order open for the next one: the form stays.
async function untilPaid(panel, pressed, confirm, locale) {
  while (await pressed()) {
    const { error, paymentIntent } = await confirm()
    const { status } = error?.payment_intent ?? paymentIntent ?? {}
    if (!error || /^(succeeded|processing)$/.test(status)) return { claimed: true }
    // Anything but a plain no leaves open what became of the money.
    if (error.type !== 'card_error' && error.type !== 'validation_error') return { claimed: true }
    panel.fail(said(error, locale))
  }
  return { closed: true }
}

/** Beside a field that is wrong Stripe tells so itself, in the form's language. */
export function said({ type, code, decline_code }, locale) {
  if (type === 'validation_error') return ''
  return told(DECLINES[decline_code] ?? DECLINES[code] ?? 'declined', locale)
}
