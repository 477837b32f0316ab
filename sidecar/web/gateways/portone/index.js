// PortOne, both versions: with the keys of both, V2 takes the new orders.

import { DECLINES } from './declines.js'
import * as v1 from './v1.js'
import * as v2 from './v2.js'

export const window = ({ version, code }, { storeId } = { storeId: version === 2 || !code }) =>
  storeId ? v2 : v1

export const checkout = ({ productId, method, quantity, promoCode }) =>
  ['/api/payments/checkout', { packageId: productId, method, quantity, promoCode }]

// Without the payment's own id, PortOne is asked by the order's.
export const settle = ({ orderId, paymentKey }) =>
  ['/api/payments/complete', { paymentKey: orderId, impUid: paymentKey ?? null }]

export function returned(get) {
  const orderId = get('paymentId', 'payment_id', 'merchant_uid')
  const paymentKey = get('imp_uid')
  const claimed = get('claimed') // by the window; the sidecar passes it on
  if (!orderId && !paymentKey && !claimed) return null
  const failed = get('code', 'error_code')
  return { orderId, paymentKey, claimed: claimed && Date.now(), failed, declined: DECLINES[get('pgCode') ?? failed] }
}
