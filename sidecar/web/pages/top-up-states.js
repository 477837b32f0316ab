// Every state that a top-up can be in.

import { html } from 'lit'
import { editor, facts, heading, standing } from '../elements/top-up-parts.js'

const PACKS = { KRW: [['starter', 10, 5000], ['standard', 30, 12_000]], USD: [['starter', 10, 400], ['standard', 30, 960]] }
const STOPPED = ['declined', 'authentication', 'no_method', 'price_changed', 'money_back', 'money_in_review', 'banned']

export function topUpStates(currency, card) {
  const packs = PACKS[currency].map(([id, tokens, amount]) => ({ id, name: 'Starter Pack', name_ko: '스타터 팩', tokens, amount, currency }))
  const [{ amount, tokens }] = packs
  const on = { status: 'on', reason: null, failures: 0, amount, tokens, currency, threshold: 5, monthly_cap: amount * 5, monthly_times: 5, spent: amount, times: 1, next_at: '2030-01-03T10:00:00Z' }
  const shown = (changes) => () => {
    const one = { ...on, ...changes }
    return html`<section class="own">${heading(one)}${standing(one, { card })}${one.status === 'off' ? '' : facts(one, { card })}</section>`
  }
  const view = { packs, times: 5, methods: [card], methodId: card.id, method: card, currency, busy: false, draft: { threshold: '2', cap: '10' }, onPack() {}, onWrite() {}, onMethod() {}, onYes() {}, onNo() {} }
  const filled = (changes) => () => editor({ ...view, ...changes })
  return {
    off: shown({ status: 'off' }), on: shown({}), retry: shown({ failures: 1 }), unanswered: shown({ unanswered: true }), stopped_over: shown({ status: 'suspended', reason: 'money_in_review', barred: null }), spent_out: shown({ spent: amount * 5, times: 5 }),
    ...Object.fromEntries(STOPPED.map((reason) => [`stopped_${reason}`, shown({ status: 'suspended', reason, barred: reason })])),
    unchosen: filled({ draft: {} }), filled: filled({ pack: packs[0] }), busy: filled({ pack: packs[0], busy: true }),
    wrong: filled({ pack: packs[0], refusal: { wrong: 'cap', pack: packs[0] } }),
    ...Object.fromEntries(['unknown', 'changed', 'repriced', 'off', 'barred', 'not_started'].map((what) => [`refused_${what}`, filled({ pack: packs[0], refusal: { what } })])),
  }
}
