// Stripe: https://docs.stripe.com/payments/accept-a-payment (Payment Element).

import { openForm } from '../../elements/form.js'
import { load, ScriptFailed } from '../load.js'

const script = ['stripe', 'https://js.stripe.com/v3/', 'Stripe']

export const window = () => ({ script, pay })

export const checkout = ({ productId, currency }) => ['/payment/stripe/create', { productId, currency }]

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
  const element = elements.create('payment')
  const panel = openForm(store, order, show)
  try {
    await Promise.race([mounted(element, panel.box), panel.left])
    panel.ready()
    const confirmParams = { return_url: returnUrl }
    const way = { elements, confirmParams, redirect: 'if_required' }
    return await untilPaid(panel, () => client.confirmPayment(way))
  } finally {
    element.destroy?.()
    panel.close()
  }
}

function mounted(element, box) {
  return new Promise((resolve, reject) => {
    element.on('ready', resolve)
    element.on('loaderror', ({ error }) => reject(new ScriptFailed(error?.message)))
    element.mount(box)
  })
}

// A declined card leaves the order open for the next one: the form stays.
async function untilPaid(panel, confirm) {
  while (await panel.submitted()) {
    const { error, paymentIntent } = await confirm()
    const { status } = error?.payment_intent ?? paymentIntent ?? {}
    if (!error || /^(succeeded|processing)$/.test(status)) return { claimed: true }
    // Anything but a plain no leaves open what became of the money.
    if (error.type !== 'card_error' && error.type !== 'validation_error') return { claimed: true }
    panel.fail(error.message)
  }
  return { closed: true }
}
