// The gateways, as a store shows them, and each one's module (index.d.ts).

import * as portone from './portone/index.js'
import * as stripe from './stripe/index.js'
import * as toss from './toss/index.js'

const KRW = { currencies: ['KRW'], methods: ['card', 'virtual_account'] }

export const GATEWAYS = {
  portone: { ...KRW, name: { en: 'PortOne', ko: '포트원' }, module: portone },
  toss: { ...KRW, name: { en: 'Toss Payments', ko: '토스페이먼츠' }, module: toss },
  stripe: { inline: 'payment', name: { en: 'Stripe', ko: 'Stripe' }, module: stripe },
}

export const moduleOf = (name) => GATEWAYS[name]?.module
