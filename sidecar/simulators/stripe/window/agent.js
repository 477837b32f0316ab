// Asks of a PaymentIntent, or confirms it with a stored card, for the script in the shop's page.
import { play, query } from '/_windows/words.js'
import { intentOf } from './intent.js'

const shop = query.get('origin')
const tell = (what) => parent.postMessage(what, shop)
const [id, secret] = [query.get('intent'), query.get('secret')]

const act = async ({ confirm }) => {
  if (confirm) {
    await intentOf(id, secret)
    await play('stripe', 'pay', { payment_intent: id, method: confirm })
  }
  const intent = await intentOf(id, secret)
  const failed = confirm && intent.status === 'requires_payment_method'
  return failed ? { error: { ...intent.last_payment_error, payment_intent: intent } } : { paymentIntent: intent }
}

const failure = ({ message, code }) => ({ error: { type: 'invalid_request_error', code, message } })

addEventListener('message', ({ origin, source, data }) => {
  if (origin !== shop || source !== parent) return
  act(data).catch(failure).then((answer) => tell({ answer }))
})
tell({ ready: true })
