// Stripe's part of the payment window, and of the bank. The card is chosen in the Payment Element:
// this window is the buyer's bank, where the card asks for 3-D Secure.
import { play, query, say } from '/_windows/words.js'
import { intentOf, minor } from './intent.js'

export const name = 'Stripe'

export const refusal = ({ code, message }) => ({ error: { type: 'api_error', code, message } })

export const choices = async (button, finish) => {
  const intent = await intentOf(query.get('intent'), query.get('secret'))
  const authenticate = async (outcome) => {
    await play('stripe', 'pay', { payment_intent: intent.id, outcome })
    const after = await intentOf(intent.id, query.get('secret'))
    const error = after.status === 'requires_payment_method' ? after.last_payment_error : undefined
    finish(outcome, error ? { error } : { intent: after })
  }
  return [
    say('Your bank wants to know that it is you'),
    minor(intent.amount, intent.currency),
    button('Yes, it is me', 'main', () => authenticate('paid')),
    button('No: refuse', '', () => authenticate('failed')),
  ]
}

export const waiting = (payment) =>
  payment.status === 'processing' && {
    key: payment.id,
    account: say('Bank debit'),
    amount: minor(payment.amount, payment.currency),
    order: payment.metadata.order_id,
  }
