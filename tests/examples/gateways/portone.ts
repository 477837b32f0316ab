import { requestPayment } from '@portone/browser-sdk/v2'
import { post, SIDECAR_URL, type Buyer, type Method } from './sidecar'

export async function buy(token: string, packageId: string, method: Method, buyer: Buyer) {
  const order = await post(token, '/api/payments/checkout', { packageId, method })
  const { storeId, channelKey, paymentId, orderName, totalAmount, currency } = order
  const { payMethod, easyPay, virtualAccount } = order // of the method
  const left = await requestPayment({
    ...{ storeId, channelKey, paymentId, orderName, totalAmount, currency },
    payMethod,
    ...(easyPay && { easyPay }),
    ...(method === 'virtual_account' && { virtualAccount }), // until when it takes the deposit
    customer: { fullName: buyer.name, phoneNumber: buyer.phone, email: buyer.email },
    redirectUrl: `${SIDECAR_URL}/payments/complete`, // for phones
  })
  if (left?.code) return { code: left.code } // its message is for developers
  return post(token, '/api/payments/complete', { paymentId })
}
