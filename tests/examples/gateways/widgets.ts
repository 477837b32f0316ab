import { ANONYMOUS, loadTossPayments } from '@tosspayments/tosspayments-sdk'
import { post } from './sidecar'

/** With keys of the widgets: Toss shows the ways to pay and its terms in `#methods` and `#terms`. */
export async function show(token: string, productId: string) {
  const { tossConfig } = await post(token, '/payment/toss/create', { productId })
  const { clientKey, amount, dueDate, ...order } = tossConfig
  const widgets = (await loadTossPayments(clientKey)).widgets({ customerKey: ANONYMOUS })
  await widgets.setAmount({ currency: 'KRW', value: amount })
  await Promise.all([
    widgets.renderPaymentMethods({ selector: '#methods' }),
    widgets.renderAgreement({ selector: '#terms' }),
  ])
  return () => widgets.requestPayment(order) // for your pay button
}
