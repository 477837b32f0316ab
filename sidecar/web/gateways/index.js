// The gateways, as a store shows them; each one's module is loaded when somebody buys (index.d.ts).

const KRW = { currencies: ['KRW'], methods: ['card', 'virtual_account'] }

export const GATEWAYS = {
  portone: { ...KRW, name: { en: 'PortOne', ko: '포트원' }, load: () => import('./portone/index.js') },
  toss: { ...KRW, name: { en: 'Toss Payments', ko: '토스페이먼츠' }, load: () => import('./toss/index.js') },
  stripe: { inline: 'payment', name: { en: 'Stripe', ko: 'Stripe' }, load: () => import('./stripe/index.js') },
}

export const moduleOf = async (name) => GATEWAYS[name]?.load()
