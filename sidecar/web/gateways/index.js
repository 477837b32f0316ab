// The gateways behind one shape:
//   checkout(order)  what to post to have the sidecar make the order
//   pay(order, …)    opens the gateway's window → {paymentKey?, claimed?, closed?}, or leaves the page
//   settle(order)    what to ask the sidecar, which asks the gateway; null: nothing beyond the order

import { portoneV1 } from './portone-v1.js'
import { portoneV2 } from './portone-v2.js'
import { stripe } from './stripe.js'
import { toss } from './toss.js'

const portone = {
  currencies: ['KRW'],
  methods: ['card', 'virtual_account'],
  window: (options, checkout) => {
    const second = checkout ? 'storeId' in checkout : options.version === 2 || !options.code
    return second ? portoneV2 : portoneV1
  },
  checkout: ({ productId }) => ['/api/payments/checkout', { packageId: productId }],
  // Without the payment's own id, PortOne is asked by the order's.
  settle: ({ orderId, paymentKey }) => [
    '/api/payments/complete',
    { paymentKey: orderId, impUid: paymentKey ?? null },
  ],
}

export const GATEWAYS = {
  portone,
  toss: {
    currencies: ['KRW'],
    methods: ['card', 'virtual_account'],
    window: () => toss,
    checkout: ({ productId }) => ['/payment/toss/create', { productId }],
    // No money is taken before this; so where there is no key, there is nothing to ask Toss.
    settle: ({ orderId, paymentKey, claimed }) =>
      paymentKey && ['/payment/toss/confirm', { orderId, paymentKey, amount: claimed }],
  },
  stripe: {
    currencies: null, // whatever the product has a price in
    methods: [],
    window: () => stripe,
    checkout: ({ productId, currency }) => ['/payment/stripe/create', { productId, currency }],
    // Made again under its key, an order has the sidecar look at its payment.
    settle: (order) => order.productId && GATEWAYS.stripe.checkout(order),
  },
}
