// The gateways that a page can sell through, one entry each: what a store shows before anybody buys,
// and the module with the rest, which is loaded when somebody does. Such a module has
//
// - `checkout(order)` → `[path, body]` of the request that makes an order
// - `settle(order)` → the same of the request that learns what became of it; nothing to ask: undefined
// - `window(options, checkout)` → `{script, pay}`: `script` is its name in `sdk`, its official address
//   and what it defines, `pay(order, page)` → `{paymentKey?, claimed?, closed?}`
// - `returned(get)` → what its redirect brought: `{orderId?, paymentKey?, claimed?, agreed?, failed?}`;
//   null where the address is not its own
// - `spent`, where an unpaid order has to forget something of an attempt that is over

const METHODS = ['card', 'virtual_account']

// `currencies`: null is whatever the product has a price in.
export const GATEWAYS = {
  portone: { name: { en: 'PortOne', ko: '포트원' }, currencies: ['KRW'], methods: METHODS, load: () => import('./portone/index.js') },
  toss: { name: { en: 'Toss Payments', ko: '토스페이먼츠' }, currencies: ['KRW'], methods: METHODS, load: () => import('./toss/index.js') },
  stripe: { name: { en: 'Stripe', ko: 'Stripe' }, currencies: null, load: () => import('./stripe/index.js') },
}

/** The gateway's module; undefined for a gateway that is not known here. Rejects where it cannot be loaded. */
export const moduleOf = async (name) => GATEWAYS[name]?.load()
