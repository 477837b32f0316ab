// PortOne V1 (Iamport): https://developers.portone.io/sdk/ko/v1-sdk/javascript-sdk

import { load } from '../load.js'

const METHODS = { card: 'card', virtual_account: 'vbank' }

export const script = ['iamport', 'https://cdn.iamport.kr/v1/iamport.js', 'IMP']

export async function pay(order, { sdk, options, email, locale, redirectUrl }) {
  const IMP = await load(sdk, 'IMP')
  IMP.init(options.code)
  const answer = await new Promise((resolve) => {
    IMP.request_pay(
      {
        ...(options.channelKey && { channelKey: options.channelKey }),
        ...(options.pg && { pg: options.pg }),
        pay_method: METHODS[order.method] ?? 'card',
        merchant_uid: order.orderId,
        name: [...order.name].slice(0, 100).join(''), // more than any window shows
        amount: order.amount, // won: PortOne's routes sell in no other currency
        currency: order.currency,
        buyer_email: email,
        language: locale,
        m_redirect_url: redirectUrl,
        ...(order.method === 'virtual_account' && { vbank_due: order.checkout.vbank_due }),
      },
      resolve,
    )
  })
  // The callback's `success` settles nothing: the sidecar is asked.
  const { imp_uid: paymentKey, error_code: error, success } = answer
  const claimed = Boolean(paymentKey) && !error && success !== false
  return { paymentKey: paymentKey ?? undefined, claimed, closed: Boolean(error) }
}
