// Toss Payments: https://docs.tosspayments.com/sdk/v2/js, and the first SDK.
// Its window takes no money: the sidecar does, asked by the page it comes back to.

import { load } from '../load.js'

const METHODS = { card: ['CARD', '카드'], virtual_account: ['VIRTUAL_ACCOUNT', '가상계좌'] }

const script = ['toss', 'https://js.tosspayments.com/v2/standard', 'TossPayments']

export const window = () => ({ script, pay })

export const checkout = ({ productId }) => ['/payment/toss/create', { productId }]

// Nothing is taken before this: without a key there is nothing to ask.
export const settle = ({ orderId, paymentKey, agreed }) =>
  paymentKey && ['/payment/toss/confirm', { orderId, paymentKey, amount: agreed }]

export const spent = { paymentKey: null, agreed: null }

export function returned(get) {
  const paymentKey = get('paymentKey')
  return paymentKey ? { paymentKey, agreed: get('amount') ?? '' } : null
}

async function pay(order, { sdk }) {
  const TossPayments = await load(sdk, 'TossPayments')
  const { clientKey, amount, dueDate, ...config } = order.checkout.tossConfig
  const [method, korean] = METHODS[order.method] ?? METHODS.card
  const toss = TossPayments(clientKey)
  const deposit = method === 'VIRTUAL_ACCOUNT'
  try {
    if (toss.payment) {
      const payment = toss.payment({ customerKey: TossPayments.ANONYMOUS })
      const due = deposit && { virtualAccount: { dueDate } }
      const value = { currency: 'KRW', value: amount }
      await payment.requestPayment({ ...config, ...due, method, amount: value })
    } else {
      await toss.requestPayment(korean, { ...config, ...(deposit && { dueDate }), amount })
    }
  } catch (error) {
    return { closed: error?.code === 'USER_CANCEL' }
  }
  return new Promise(() => {}) // the page is being left
}
