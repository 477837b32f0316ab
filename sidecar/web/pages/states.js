// Every state that a store and a result can be in, side by side: for people and for tests.

import { html } from 'lit'
import { balance } from '../balance.js'
import { config } from '../client.js'
import { CoinslotElement, sheets } from '../elements/base.js'
import { basketOf, quantities } from '../elements/basket.js'
import { methods, packs, skeleton, summary } from '../elements/checkout.js'
import { codeField } from '../elements/code.js'
import { note, refused, result } from '../elements/outcome.js'
import checkout from '../styles/checkout.css'
import outcomes from '../styles/outcome.css'
import { locale, t, tokens } from '../text.js'

const ORDER = { orderId: `ord_${'0f'.repeat(16)}`, name: 'Standard Pack', name_ko: '스탠다드 팩', tokens: 30 }
const SOLD = { KRW: { ...ORDER, amount: 12_000, currency: 'KRW' }, USD: { ...ORDER, amount: 960, currency: 'USD' } }
const ACCOUNT = { bank: '신한은행', account_number: '56211114306740', holder: '(주)상점', due_at: '2030-01-01T14:59:00Z' }
const DETAIL = 'The card issuer gave no reason.'

/** By their names, which an address may ask for: `{kind, …}` over an order of the page's language. */
const RESULTS = {
  checking: {}, checking_long: { kind: 'checking', since: 1 },
  purchased: { method: 'card' }, purchased_plain: { kind: 'purchased', tokens: 0 },
  waiting: { account: ACCOUNT }, waiting_plain: { kind: 'waiting', method: 'transfer', actions: ['done'] },
  unknown: {}, open: {}, closed: {}, declined: { method: 'card', detail: DETAIL }, declined_other: { kind: 'declined', method: 'kakaopay' },
  canceled: {}, expired: {}, expired_account: { kind: 'expired', account: ACCOUNT }, voided: {}, review: { paid: 100 },
  returned: { method: 'card' }, disputed: {}, signed_out: {}, not_found: {}, nothing: { orderId: undefined },
}
const REFUSALS = ['closed', 'gone', 'price_changed', 'not_started', 'script_failed', 'too_many', 'gateway_off', 'code_refused', 'declined', 'load_failed']
const ACTIONS = {
  checking: [], purchased: ['back', 'receipt'], waiting: ['copy_account', 'cancel_order', 'done'], unknown: ['check'],
  open: ['continue', 'cancel_order'], closed: ['to_store'], declined: ['pay_other'], canceled: ['buy_again'],
  expired: ['buy_again'], voided: ['buy_again'], review: ['support', 'done'], disputed: ['support', 'done'], returned: ['done'], nothing: ['back'],
}

export class States extends CoinslotElement {
  static styles = sheets(checkout, outcomes, ':host { display: contents } figure { margin: 0; min-width: 0; container-type: inline-size } figcaption { color: var(--muted); font-size: 0.75rem } .pay { position: static }')

  start() {
    balance.tokens = 35
    balance.expiring = [{ tokens: 10, expires_at: '2030-01-01T00:00:00Z' }]
  }

  render() {
    const only = new URLSearchParams(location.search).get('state')
    const shown = Object.entries(this.#states()).filter(([name]) => only === 'all' || name === only)
    return shown.map(([name, view]) => html`<figure><figcaption>${name}</figcaption>${view()}</figure>`)
  }

  #states() {
    const order = SOLD[locale() === 'ko' ? 'KRW' : 'USD']
    const states = {}
    for (const [name, given] of Object.entries(RESULTS)) {
      const outcome = { ...order, kind: name, ...given }
      states[name] = () => result(outcome, actionsOf(outcome.kind, given.actions))
    }
    for (const kind of ['waiting', 'open', 'purchased']) {
      const outcome = { ...order, kind, ...RESULTS[kind] }
      states[`note_${kind}`] = () => note(outcome, actionsOf(kind))
    }
    for (const kind of REFUSALS) states[`refusal_${kind}`] = () => refused({ ...order, kind, method: 'card' }, { again: nothing })
    return { ...states, ...checkouts(order) }
  }
}

const nothing = () => {}
const actionsOf = (kind, names = ACTIONS[kind] ?? ['done']) => Object.fromEntries(names.map((name) => [name, nothing]))

function checkouts(order) {
  const all = ['card', 'kakaopay', 'naverpay', 'transfer', 'virtual_account', 'mobile']
  const ways = all.map((id) => ({ id, gateway: 'any', others: [], max: id === 'mobile' ? 1000 : undefined }))
  const long = { ...order, id: 'long', name: 'Sixty characters of a name '.repeat(3), name_ko: '아주 긴 상품 이름 '.repeat(6), discount_percent: 20 }
  const offers = [{ ...order, id: 'a', tokens_last_days: 365 }, long, { ...order, id: 'b', tokens: 1_000_000, name: 'شركة الرموز' }]
  const view = {
    offers, offer: offers[0], best: 'long', methods: ways, method: ways[1], currencies: [], owned: 1_234_567, busy: false, blocked: null,
    code: { text: '', open: false }, onPack: nothing, onMethod: nothing, onPay: nothing, onNear: nothing, onUnfold: nothing, onMore: nothing, hidden: 0,
  }
  const priced = (given) => {
    const basket = given.basket ?? basketOf(given.offer)
    return { ...given, basket, due: { amount: basket.total, currency: basket.currency } }
  }
  const drawn = (all) => html`<div class="checkout">
    <div class="choices"><div class="basket">${packs(all)}${quantities(all)}${codeField(all)}</div>
      <div class="ways">${methods(all)}</div></div>
    <div class="side">${summary(all)}</div></div>`
  const shown = (change) => () => drawn(priced({ ...view, ...change }))
  return {
    checkout: shown({}), busy: shown({ busy: true }), blocked: shown({ blocked: t('offline.text'), method: ways[6] }),
    one_method: shown({ methods: ways.slice(0, 1), method: ways[0] }), no_method: shown({ methods: [], method: null }),
    ...baskets(offers[0], shown),
    folded: shown({ folded: true, compact: true, goesOn: true, hidden: 2 }), loading: skeleton,
  }
}

/** Several packs, and codes: of some that are applied, refused and asked about. */
function baskets(offer, shown) {
  Object.assign(config, { takesCodes: true, maxQuantity: 10 })
  const tier = (quantity, percent) => ({ quantity, tokens: offer.tokens * quantity, amount: (offer.amount * quantity * (100 - percent)) / 100 })
  const several = { ...offer, tiers: [tier(5, 10), tier(10, 20)] }
  const cheaper = { of: ({ amount }) => ({ code: 'SPRING', amount: amount * 0.9 }), applied: 'SPRING', open: true }
  const refused = { text: 'SPRING', open: true, said: { text: t('code.used') } }
  return {
    code: shown({ code: refused }),
    code_good: shown({ code: { text: '', open: true, said: { text: t('code.redeemed', { tokens: tokens(10) }), good: true } } }),
    tiers: shown({ offer: several, offers: [several], basket: basketOf(several, 5) }),
    folded_tiers: shown({ offer: several, offers: [several], compact: true, goesOn: true, folded: true, basket: basketOf(several, 5) }),
    tiers_code: shown({ offer: several, offers: [several], code: cheaper, basket: basketOf(several, 5, cheaper) }),
  }
}
