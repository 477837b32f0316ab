// What to post to make an order (`checkout`) and to learn what became of it (`settle`). `window` has
// `script` (name in `sdk`, address, what it defines) and `pay` → {paymentKey?, claimed?, closed?}.

const METHODS = ['card', 'virtual_account']

export const GATEWAYS = {
  portone: {
    currencies: ['KRW'],
    methods: METHODS,
    window: ({ version, code }, { storeId } = { storeId: version === 2 || !code }) =>
      storeId ? import('./portone-v2.js') : import('./portone-v1.js'),
    checkout: ({ productId }) => ['/api/payments/checkout', { packageId: productId }],
    // Without the payment's own id, PortOne is asked by the order's.
    settle: ({ orderId, paymentKey }) =>
      ['/api/payments/complete', { paymentKey: orderId, impUid: paymentKey ?? null }],
  },
  toss: {
    currencies: ['KRW'],
    methods: METHODS,
    window: () => import('./toss.js'),
    checkout: ({ productId }) => ['/payment/toss/create', { productId }],
    // No money is taken before this; so where there is no key, there is nothing to ask Toss.
    settle: ({ orderId, paymentKey, claimed }) =>
      paymentKey && ['/payment/toss/confirm', { orderId, paymentKey, amount: claimed }],
  },
  stripe: {
    currencies: null, // whatever the product has a price in
    window: () => import('./stripe.js'),
    checkout: ({ productId, currency }) => ['/payment/stripe/create', { productId, currency }],
    // Made again under its key, an order has the sidecar look at its payment.
    settle: (order) => order.productId && GATEWAYS.stripe.checkout(order),
  },
}
