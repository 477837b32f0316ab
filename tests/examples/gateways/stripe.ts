import { loadStripe, type StripePaymentElementOptions } from '@stripe/stripe-js'
import { post } from './sidecar'

const CARD: StripePaymentElementOptions = {
  paymentMethodOrder: ['card'],
  wallets: { applePay: 'never', googlePay: 'never', link: 'never' },
}

/** Shows the card's fields in `#card`; the answer is for your pay button. */
export async function show(token: string, productId: string, currency: string) {
  const body = { productId, currency, method: 'card' }
  const { clientSecret, publishableKey, orderId } = await post(token, '/payment/stripe/create', body)
  const stripe = await loadStripe(publishableKey)
  if (!stripe) throw new Error('Stripe does not load')
  const elements = stripe.elements({ clientSecret })
  elements.create('payment', CARD).mount('#card')
  const confirmParams = { return_url: `${location.origin}/payment/success?orderId=${orderId}` }
  return () => stripe.confirmPayment({ elements, confirmParams })
}
