// The gateways behind one shape. `checkout` and `settle` say what to post to the sidecar to make an
// order and to learn what became of it; `window` loads what opens the gateway's window:
//   script        its name in `sdk`, its official address, what it defines
//   pay(order, …) → {paymentKey?, claimed?, closed?}, or the page is left

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
