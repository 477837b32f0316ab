// Every state that a plan can be in, side by side: for people and for tests.

import { html, nothing } from 'lit'
import { CoinslotElement, sheets } from '../elements/base.js'
import { confirming, planChoice, question } from '../elements/plan-dialogs.js'
import { planHistory } from '../elements/plan-history.js'
import { cardChoice, planBones, planCards, planSummary } from '../elements/plan-parts.js'
import { addPlanTexts, refusedLine } from '../elements/plan-words.js'
import { actionsOf, banners, buttons, facts, heading } from '../elements/subscribed.js'
import { topUpStates } from './top-up-states.js'
import css from '../styles/plans.css'
import outcomes from '../styles/outcome.css'
import own from '../styles/top-up.css'
import { locale } from '../text.js'

const [THEN, SOON] = ['2030-01-31T00:00:00Z', '2030-01-03T00:00:00Z']
const SOLD = {
  KRW: [['plus', 'Plus', '플러스', 300, 9900], ['pro', 'Pro', '프로', 1000, 24_900], ['year', 'Pro, yearly', '프로 연간', 12_000, 249_000]],
  USD: [['plus', 'Plus', '플러스', 300, 790], ['pro', 'Pro', '프로', 1000, 1990], ['year', 'Pro, yearly', '프로 연간', 12_000, 19_900]],
}
const CARD = { id: 'a', brand: 'visa', last_four: '4242', broken: false }
const TOMORROW = new Date(Date.now() + 86_400_000).toISOString()
const SINCE = '2026-01-01T00:00:00Z'
const PRICE = { amount: 11_900, from: THEN }
const REFUSALS = [
  'declined', 'tried', 'closed', 'not_stored', 'not_started', 'script_failed', 'signed_out', 'unknown', 'ours', 'review', 'authentication',
  'cannot_authenticate', 'have', 'gone', 'repriced', 'changed', 'method_gone', 'method_used', 'method_taken', 'too_soon', 'too_many', 'off', 'not_done',
]
const OWN = {
  active: {}, ahead: { next_charge_at: TOMORROW, period_end: TOMORROW, renewal_told_at: SINCE }, year: { every: 'year', rollover: 'full' }, canceling: { cancel_at_end: true, next_charge_at: null }, disputed: { cancel_at_end: true, next_charge_at: null, trouble: { disputed: true } },
  pausing: { pause_at_end: true, next_charge_at: null }, paused: { status: 'paused', next_charge_at: null }, changing: { changes: true },
  paused_changing: { status: 'paused', next_charge_at: null, changes: true },
  retrying: { status: 'past_due', next_charge_at: SOON, grace_until: THEN, trouble: { what: 'declined' } },
  needs_method: { status: 'past_due', needs: 'method', next_charge_at: THEN, grace_until: THEN, method: { ...CARD, broken: true }, trouble: { what: 'declined' } },
  authentication: { status: 'past_due', needs: 'authentication', grace_until: THEN }, unanswered: { status: 'past_due', grace_until: THEN, trouble: { what: 'unanswered' } },
  trial_asked: { status: 'trialing', trial: 'asked', next_charge_at: null }, trial_agreed: { status: 'trialing', trial: 'agreed' },
  trial_canceling: { status: 'trialing', trial: 'asked', cancel_at_end: true, next_charge_at: null },
  price_asked: { price: { ...PRICE, ends: true, answer: null }, next_charge_at: null }, price_asked_kept: { price: { ...PRICE, ends: false, answer: null } },
  price_agreed: { price: { ...PRICE, ends: true, answer: 'agreed' } }, price_declined: { price: { ...PRICE, ends: true, answer: 'declined' }, next_charge_at: null },
  price_declined_kept: { price: { ...PRICE, ends: false, answer: 'declined' } },
  incomplete: { status: 'incomplete', grace_until: SOON, trouble: { what: 'declined' } }, waiting: { status: 'incomplete', grace_until: SOON, method: null }, ended: { status: 'ended', ended_at: SOON, method: null },
}
const EVENTS = ['price_declined', 'price_agreed', 'price_proposed', 'trial_started', 'declined', 'renewed', 'upgraded', 'to_change', 'kept', 'canceled', 'started', 'subscribed']

export class PlanStates extends CoinslotElement {
  static styles = sheets(css, outcomes, own, ':host { display: contents } figure { margin: 0; min-width: 0; container-type: inline-size } figcaption { color: var(--muted); font-size: 0.75rem } .pay { position: static }')

  start() {
    addPlanTexts()
  }

  render() {
    const only = new URLSearchParams(location.search).get('state')
    const shown = Object.entries(states()).filter(([name]) => /^(all|plans)$/.test(only) || name === only)
    return shown.map(([name, view]) => html`<figure><figcaption>${name}</figcaption>${view()}</figure>`)
  }
}

const none = () => {}

function states() {
  const currency = locale() === 'ko' ? 'KRW' : 'USD'
  const plans = SOLD[currency].map(([id, name, name_ko, tokens, amount]) =>
    ({ id, name, name_ko, tokens, amount, currency, family: 'main', every: id === 'year' ? 'year' : 'month', rollover: 'none', trial_days: 14, trial_tokens: 30, trial_asks: id !== 'pro' }))
    .map((each) => (each.id === 'pro' ? { ...each, rollover: 'cap', rollover_cap: 500 } : each))
  const reason = locale() === 'ko' ? '한도나 잔액을 확인해 주세요.' : 'Check your limit or balance.'
  const named = (name, views) => Object.fromEntries(Object.entries(views).map(([each, view]) => [`${name}_${each}`, view]))
  return {
    ...named('plans', listed(plans)),
    ...named('plan', owned(plans, reason)),
    ...named('plan_asks', asked(plans)),
    ...named('plan_topup', topUpStates(currency, CARD)),
    ...named('plan_refused', Object.fromEntries(REFUSALS.map((what) => [what, () => refusedLine({ what, reason, seconds: 300 })]))),
  }
}

function listed(plans) {
  const view = {
    plans, methods: [], methodId: null, busy: false, blocked: null, currencies: [],
    onPlan: none, onMethod: none, onSubscribe: none, onNear: none,
  }
  const tried = plans.map((each) => ({ ...each, tries: true }))
  const broken = { ...CARD, id: 'b', brand: null, last_four: null }
  const drawn = (change) => () => {
    const all = { ...view, ...change }
    return html`<div class="checkout"><div class="choices">${planCards(all)}<div class="ways">${all.plan ? cardChoice(all) : nothing}</div></div>
      <div class="side">${planSummary(all)}</div></div>`
  }
  return {
    unchosen: drawn({}), chosen: drawn({ plan: plans[0] }), busy: drawn({ plan: plans[1], busy: true }),
    trial_asked: drawn({ plans: tried, plan: tried[0], name: 'asked' }), trial_agreed: drawn({ plans: tried, plan: tried[1] }),
    stored: drawn({ plan: plans[2], methods: [CARD, broken], methodId: 'a', name: 'stored' }), loading: planBones,
  }
}

function owned(plans, reason) {
  const [plus, pro] = plans
  const views = {}
  for (const [name, { trouble, changes, ...given }] of Object.entries(OWN)) {
    const one = {
      ...plus, id: name, plan_id: 'plus', status: 'active', period_start: SOON, period_end: THEN, next_charge_at: THEN, method: CARD,
      next: changes ? pro : null, next_plan_id: changes ? 'pro' : null, ...given,
    }
    const told = trouble && { reason: trouble.what === 'declined' ? reason : undefined, ...trouble }
    views[name] = () => html`<section class="own">${heading(one)}${banners(one, told)}${facts(one)}
      ${buttons(one, actionsOf(one, told), { busy: false, onAction: none })}</section>`
  }
  const payment = { order_id: 'ord_1', amount: plus.amount, currency: plus.currency, status: 'partially_refunded' }
  const events = EVENTS.map((event) => ({ event, detail: { reason: 'limit_or_balance' }, created_at: SOON, payment }))
  return { ...views, history: () => planHistory({ events, onOpen: none }), cards: () => html`<div class="panel">${cardChoice({
    methods: [CARD, { ...CARD, id: 'c', last_four: '1881' }], methodId: 'a', used: 'a', name: 'panel', onMethod: none, onRemove: none })}</div>` }
}

function asked([plus, pro, year]) {
  const one = { ...plus, id: 'asked', status: 'active', period_end: THEN }
  const quote = { at_once: true, amount: 750, tokens: 350, next_amount: pro.amount, next_tokens: pro.tokens, period_end: THEN, currency: plus.currency }
  const drawn = (kind, given = {}, subscription = one) => () =>
    confirming(question(kind, subscription, given), { choices: given.choices ?? nothing, onYes: none, onNo: none })
  const choices = planChoice({ plans: [pro, year], plan: pro, onPlan: none })
  return {
    cancel: drawn('cancel'), cancel_unpaid: drawn('cancel', {}, { ...one, status: 'past_due' }), cancel_full: drawn('cancel', {}, { ...one, rollover: 'full' }),
    cancel_trial: drawn('cancel', {}, { ...one, status: 'trialing' }), agree: drawn('agree', {}, { ...one, status: 'trialing', method: CARD }),
    price_agree: drawn('price_agree', {}, { ...one, price: { ...PRICE, ends: true, answer: null }, method: CARD }),
    pause: drawn('pause'), resume: drawn('resume'), resume_year: drawn('resume', {}, { ...one, every: 'year' }),
    change_now: drawn('change', { plan: pro, quote, choices }), change_later: drawn('change', { plan: pro, quote: { ...quote, at_once: false } }),
    no_other: drawn('change', { choices: planChoice({ plans: [] }) }),
  }
}
