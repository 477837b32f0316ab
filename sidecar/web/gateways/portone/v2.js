// PortOne V2: https://developers.portone.io/opi/ko/integration/start/v2/checkout

import { load } from '../load.js'
import { DECLINES } from './declines.js'

// As the sidecar writes them, for one that does not.
const METHODS = { virtual_account: 'VIRTUAL_ACCOUNT', transfer: 'TRANSFER', mobile: 'MOBILE' }

export const script = ['portone', 'https://cdn.portone.io/v2/browser-sdk.js', 'PortOne']

export async function pay(order, { sdk, buyer = {}, email, locale, redirectUrl }) {
  const PortOne = await load(sdk, 'PortOne')
  const { storeId, channelKey, paymentId, orderName, totalAmount, currency } = order.checkout
  const { payMethod, easyPay, virtualAccount } = order.checkout
  const answer = await PortOne.requestPayment({
    ...{ storeId, channelKey, paymentId, orderName, totalAmount, currency, redirectUrl },
    payMethod: payMethod ?? METHODS[order.method] ?? 'CARD',
    ...(easyPay && { easyPay }),
    ...(order.method === 'virtual_account' && { virtualAccount }),
    locale: locale === 'ko' ? 'KO_KR' : 'EN_US',
    customer: { fullName: buyer.name, phoneNumber: buyer.phone, email: buyer.email ?? email },
  })
  // What PortOne says in `message` is for developers.
  const { code, pgCode } = answer ?? {}
  return { claimed: Boolean(answer) && !code, closed: Boolean(code), declined: DECLINES[pgCode ?? code] }
}
