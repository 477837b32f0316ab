// PortOne V1 (Iamport): https://developers.portone.io/sdk/ko/v1-sdk/javascript-sdk

import { load } from '../load.js'
import { DECLINES } from './declines.js'

// As the sidecar writes them, for one that does not.
const METHODS = { transfer: 'trans', virtual_account: 'vbank', mobile: 'phone' }

export const script = ['iamport', 'https://cdn.iamport.kr/v1/iamport.js', 'IMP']

export async function pay(order, { sdk, options, buyer = {}, email, locale, redirectUrl }) {
  const IMP = await load(sdk, 'IMP')
  IMP.init(options.code)
  const { orderName = order.name, pay_method, channelKey = options.channelKey, vbank_due } = order.checkout
  const method = order.method ?? 'card'
  const answer = await new Promise((resolve) => {
    IMP.request_pay(
      {
        ...(channelKey && { channelKey }),
        ...(options.pg && { pg: options.pg }),
        pay_method: pay_method ?? METHODS[method] ?? method,
        merchant_uid: order.orderId,
        name: [...orderName].slice(0, 100).join(''), // more than any window shows
        amount: order.amount, // won: PortOne's routes sell in no other currency
        currency: order.currency,
        buyer_name: buyer.name,
        buyer_tel: buyer.phone,
        buyer_email: buyer.email ?? email,
        language: locale,
        m_redirect_url: redirectUrl,
        ...(method === 'virtual_account' && { vbank_due }),
      },
      resolve,
    )
  })
  // The callback's `success` settles nothing: the sidecar is asked.
  const { imp_uid: paymentKey, error_code: error, success } = answer
  const claimed = Boolean(paymentKey) && !error && success !== false
  return { paymentKey: paymentKey ?? undefined, claimed, closed: Boolean(error), declined: DECLINES[error] }
}
