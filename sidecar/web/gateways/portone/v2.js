// PortOne V2: https://developers.portone.io/opi/ko/integration/start/v2/checkout

import { load } from '../load.js'

const METHODS = { card: 'CARD', virtual_account: 'VIRTUAL_ACCOUNT' }

export const script = ['portone', 'https://cdn.portone.io/v2/browser-sdk.js', 'PortOne']

export async function pay(order, { sdk, email, locale, redirectUrl }) {
  const PortOne = await load(sdk, 'PortOne')
  const { storeId, channelKey, paymentId, orderName, totalAmount, currency } = order.checkout
  const { virtualAccount } = order.checkout
  const answer = await PortOne.requestPayment({
    ...{ storeId, channelKey, paymentId, orderName, totalAmount, currency, redirectUrl },
    payMethod: METHODS[order.method] ?? 'CARD',
    ...(order.method === 'virtual_account' && { virtualAccount }),
    locale: locale === 'ko' ? 'KO_KR' : 'EN_US',
    customer: email ? { email } : undefined,
  })
  return { claimed: Boolean(answer) && !answer.code, closed: Boolean(answer?.code) }
}
