// The gateways, as a store shows them. What each does in a payment stands in its module: index.js.

const KRW = { currencies: ['KRW'], methods: ['card', 'virtual_account'] }

export const GATEWAYS = {
  portone: { ...KRW, name: { en: 'PortOne', ko: '포트원' } },
  toss: { ...KRW, name: { en: 'Toss Payments', ko: '토스페이먼츠' } },
  stripe: { inline: 'payment', name: { en: 'Stripe', ko: 'Stripe' } },
}
