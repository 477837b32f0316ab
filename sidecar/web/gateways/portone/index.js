// PortOne, both versions. V2 takes the new orders where its keys are set.

export const window = ({ version, code }, { storeId } = { storeId: version === 2 || !code }) =>
  storeId ? import('./v2.js') : import('./v1.js')

export const checkout = ({ productId }) => ['/api/payments/checkout', { packageId: productId }]

// Without the payment's own id, PortOne is asked by the order's.
export const settle = ({ orderId, paymentKey }) =>
  ['/api/payments/complete', { paymentKey: orderId, impUid: paymentKey ?? null }]

/** From PortOne itself, or from the sidecar, which passes on that the window said `claimed`. */
export function returned(get) {
  const orderId = get('paymentId', 'payment_id', 'merchant_uid')
  if (!orderId && !get('imp_uid', 'claimed')) return null
  const claimed = get('claimed') && Date.now()
  return { orderId, paymentKey: get('imp_uid'), claimed, failed: get('code', 'error_code') }
}
