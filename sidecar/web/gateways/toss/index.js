// Toss Payments: https://docs.tosspayments.com/sdk/v2/js, and the first SDK of the setup guide.
//
// The window takes no money. It redirects, and the page it comes back to has the sidecar confirm.

import { load } from '../load.js'

const METHODS = { card: ['CARD', '카드'], virtual_account: ['VIRTUAL_ACCOUNT', '가상계좌'] }

const script = ['toss', 'https://js.tosspayments.com/v2/standard', 'TossPayments']

export const window = () => ({ script, pay })

export const checkout = ({ productId }) => ['/payment/toss/create', { productId }]

// No money is taken before this; so where there is no key, there is nothing to ask Toss.
export const settle = ({ orderId, paymentKey, agreed }) =>
  paymentKey && ['/payment/toss/confirm', { orderId, paymentKey, amount: agreed }]

// Toss was asked about that payment and took nothing: the next attempt brings its own.
export const spent = { paymentKey: null, agreed: null }

/** `agreed` is the amount that the person has agreed to pay. */
export function returned(get) {
  const paymentKey = get('paymentKey')
  return paymentKey ? { paymentKey, agreed: get('amount') ?? '', failed: undefined } : null
}

async function pay(order, { sdk }) {
  const TossPayments = await load(sdk, 'TossPayments')
  const { clientKey, amount, ...config } = order.checkout.tossConfig
  const [method, korean] = METHODS[order.method] ?? METHODS.card
  const toss = TossPayments(clientKey)
  try {
    if (toss.payment) {
      const payment = toss.payment({ customerKey: TossPayments.ANONYMOUS })
      await payment.requestPayment({ ...config, method, amount: { currency: 'KRW', value: amount } })
    } else {
      await toss.requestPayment(korean, { ...config, amount })
    }
  } catch (error) {
    return { closed: error?.code === 'USER_CANCEL' }
  }
  return new Promise(() => {}) // the page is being left
}
