// Toss Payments: https://docs.tosspayments.com/sdk/v2/js, and the first SDK of the setup guide.
//
// The window takes no money. It redirects, and the page it comes back to has the sidecar confirm.

import { load } from './load.js'

const METHODS = { card: ['CARD', '카드'], virtual_account: ['VIRTUAL_ACCOUNT', '가상계좌'] }

export const script = ['toss', 'https://js.tosspayments.com/v2/standard', 'TossPayments']

export async function pay(order, { sdk }) {
  const TossPayments = await load(sdk, 'TossPayments')
  const { clientKey, amount, ...config } = order.checkout.tossConfig
  const [method, korean] = METHODS[order.method] ?? METHODS.card
  const toss = TossPayments(clientKey)
  try {
    if (toss.payment) {
      const window = toss.payment({ customerKey: TossPayments.ANONYMOUS })
      await window.requestPayment({ ...config, method, amount: { currency: 'KRW', value: amount } })
    } else {
      await toss.requestPayment(korean, { ...config, amount })
    }
  } catch (error) {
    return { closed: error?.code === 'USER_CANCEL' }
  }
  return new Promise(() => {}) // the page is being left
}
