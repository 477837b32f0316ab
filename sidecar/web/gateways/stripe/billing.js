// Stripe's stored cards: https://docs.stripe.com/payments/save-and-reuse, and a charge of one that its
// bank wants its holder for: https://docs.stripe.com/payments/save-during-payment.

import { openForm } from '../../elements/form.js'
import { load } from '../load.js'
import { DECLINES } from './declines.js'
import { FIELDS, mounted, said, window } from './index.js'

export const script = () => window().script

export async function store({ clientSecret, publishableKey }, { sdk, locale, dark, returnUrl, element, show }) {
  const Stripe = await load(sdk, 'Stripe')
  const client = Stripe(publishableKey)
  const appearance = { theme: dark ? 'night' : 'stripe' }
  const elements = client.elements({ clientSecret, locale, appearance })
  const card = elements.create('payment', FIELDS.card)
  const panel = openForm(element, null, show)
  try {
    if ((await Promise.race([mounted(card, panel.box), panel.left])) === false) return { closed: true }
    panel.ready()
    while (await panel.submitted()) {
      const way = { elements, confirmParams: { return_url: returnUrl }, redirect: 'if_required' }
      const { error } = await client.confirmSetup(way)
      // Whatever is no plain no, the sidecar asks about.
      if (!/^(card|validation)_error$/.test(error?.type)) return { carried: { setupIntent: clientSecret.split('_secret_')[0] } }
      panel.fail(said(error, locale))
    }
    return { closed: true }
  } finally {
    card.destroy?.()
    panel.close()
  }
}

export function carried(get) {
  const setupIntent = get('setup_intent')
  return setupIntent && { setupIntent }
}

/** With the same card, at the bank's. `{}` where nothing waits for it any more. */
export async function authenticate({ clientSecret, publishableKey }, { sdk }) {
  const Stripe = await load(sdk, 'Stripe')
  const client = Stripe(publishableKey)
  const { paymentIntent } = await client.retrievePaymentIntent(clientSecret)
  const method = paymentIntent?.last_payment_error?.payment_method?.id
  if (!method) return {}
  const { error } = await client.confirmCardPayment(clientSecret, { payment_method: method })
  if (!error) return {}
  return { declined: DECLINES[error.decline_code] ?? DECLINES[error.code] ?? 'authentication' }
}
