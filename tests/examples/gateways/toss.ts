import { ANONYMOUS, loadTossPayments } from '@tosspayments/tosspayments-sdk'
import { post, type Buyer, type Method } from './sidecar'

export async function buy(token: string, productId: string, method: Method, buyer: Buyer) {
  const { tossConfig } = await post(token, '/payment/toss/create', { productId, method })
  const { clientKey, amount, dueDate, method: asked, card, ...order } = tossConfig
  const toss = await loadTossPayments(clientKey)
  await toss.payment({ customerKey: ANONYMOUS }).requestPayment({
    ...order, // orderId, orderName, successUrl, failUrl
    method: asked,
    ...(card && { card }), // a wallet opens its own window
    ...(method === 'virtual_account' && { virtualAccount: { dueDate } }),
    amount: { currency: 'KRW', value: amount },
    customerName: buyer.name,
    customerMobilePhone: buyer.phone,
    customerEmail: buyer.email,
  }) // the page is left; nothing is taken before the success page confirms
}
