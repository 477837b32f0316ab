// Reads PaymentIntents as Stripe's own frames do.
import { lang, play } from '/_windows/words.js'

// The amount in words: Stripe has it in minor units.
export const minor = (amount, currency) => {
  const format = new Intl.NumberFormat(lang, { style: 'currency', currency: currency.toUpperCase() })
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits)
}

// One PaymentIntent, for the holder of its client secret.
export const intentOf = async (id, secret) => {
  const { payments } = await play('stripe', 'payments')
  const intent = payments.find((each) => each.id === id && each.client_secret === secret)
  if (!intent) throw Object.assign(new Error(`No such payment_intent: ${id}`), { code: 'resource_missing' })
  return intent
}
