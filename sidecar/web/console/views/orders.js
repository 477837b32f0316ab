// Orders, and one order with all that happened to it.

import { html, nothing } from 'lit'
import { get, list } from '../api.js'
import { ask } from '../dialog.js'
import { chip, customerLink, facts, figure, filterBar, heading, icon, nameOfMethod, pager, table, time } from '../parts.js'
import { exact, money, nameOf, number, said, say } from '../words.js'
import { daysOf, exportButton } from './exports.js'
import { askAccept, caseCard } from './review.js'
import { ordersColumns } from './overview.js'
import { receiptCard } from './receipts.js'

/** The filters of an address as the list takes them. */
const asked = ({ after, status, since, until, live, ...others }) => ({
  ...others,
  ...(status ? { status: [status] } : {}),
  ...daysOf({ since, until }),
  ...(live ? { live: live === 'live' } : {}),
})

export async function load({ id, filters }) {
  return id ? get('order', id) : list('orders', asked(filters), filters.after)
}

/** What gateways say of an attempt, as an order would. */
export const STATES = { ready: 'pending', paid: 'completed' }
const METHODS = ['card', 'kakaopay', 'naverpay', 'tosspay', 'transfer', 'virtual_account', 'mobile', 'applepay', 'googlepay', 'link']

const fields = (me) => [
  { name: 'status', label: say('filter.status'), options: me.statuses.map((each) => [each, said('st', each)]) },
  { name: 'gateway', label: say('filter.gateway'), options: Object.entries(me.gateways) },
  { name: 'method', label: say('filter.method'), options: METHODS.map((each) => [each, nameOfMethod(each)]) },
  { name: 'currency', label: say('filter.currency'), options: me.currencies.map((each) => [each, each]) },
  { name: 'product', label: say('filter.product') },
  { name: 'since', label: say('filter.since'), type: 'date' },
  { name: 'until', label: say('filter.until'), type: 'date' },
]

export function view({ data, id, filters, go, me }) {
  if (id) return order(data, me)
  return html`${heading(say('nav.orders'), exportButton(me, 'orders', asked(filters)))}
    ${filterBar(fields(me), filters, go)}
    <section class="card flush">${table(say('nav.orders'), ordersColumns(me.gateways), data.items, {
      href: (row) => `#/orders/${row.order_id}`,
      empty: say(data.next ? 'console.goes_on' : Object.keys(filters).length ? 'console.none_filtered' : 'over.first'),
    })}</section>${pager(data, filters, go)}`
}

const unusedWorth = ({ order }) => {
  const { remaining, taken } = order.token_parts
  const left = order.paid - order.refunded - order.withdrawn
  return order.tokens ? Math.min(left, Math.floor((order.paid * remaining) / Math.max(1, order.tokens - taken))) : left
}

/** Tokens that go back with so much money, as the database reckons: of all that has gone back, less what went before. */
export function tokensBack({ tokens, paid, refunded, withdrawn }, amount) {
  const of = (back) => (back >= paid ? tokens : Number((BigInt(tokens) * BigInt(back)) / BigInt(paid)))
  return paid > 0 && amount > 0 ? of(refunded + withdrawn + amount) - of(refunded + withdrawn) : 0
}

/** A refund: how much, to whom, and what is left of it afterwards. Of money that was not credited, as of a
 *  payment in review, the order has none: what may go back is what the gateway holds. */
export function askRefund(data) {
  const { order, can, customer } = data
  const write = (amount) => money(amount, order.currency)
  const left = order.paid > 0 ? order.paid - order.refunded - order.withdrawn : can.refund_max
  const most = Math.min(left, can.refund_max)
  const unused = Math.min(most, unusedWorth(data))
  const amountOf = ({ amount }) => Math.trunc(Number(amount)) || 0
  // What expired need not go back.
  const spentOf = (given) => tokensBack(order, amountOf(given)) - order.token_parts.remaining - order.token_parts.expired
  const deposit = order.method === 'virtual_account'
  ask({
    title: say('refund.title', { amount: write(order.paid > 0 ? order.paid : left) }),
    action: 'refund_order', about: order.order_id, danger: true, warning: say('refund.warn'),
    fields: [
      { name: 'amount', label: say('refund.amount'), type: 'number', value: most, min: 1, max: most, required: true, hint: can.refund_max < left ? say('refund.limit', { amount: write(can.refund_max) }) : undefined },
      ...(deposit ? [
        { name: 'bank', label: say('refund.bank'), required: true },
        { name: 'number', label: say('refund.number'), required: true },
        { name: 'holder', label: say('refund.holder'), required: true },
      ] : []),
      ...(can.refund_force ? [{ name: 'force', label: say('refund.force'), type: 'checkbox', value: false }] : []),
    ],
    extra: (given, set) => html`<div class="picks">
      <button type="button" class="small" @click=${() => set('amount', String(most))}>${say('refund.all', { amount: write(most) })}</button>
      ${unused > 0 && unused < most ? html`<button type="button" class="small" @click=${() => set('amount', String(unused))}>${say('refund.unused', { amount: write(unused) })}</button>` : nothing}
    </div>${spentOf(given) > 0 ? html`<p class="warning">${say('refund.spent', { used: number(spentOf(given)) })}</p>` : nothing}`,
    facts: (given) => [
      [say('refund.gets'), write(amountOf(given))],
      [say('refund.left'), write(left), write(left - amountOf(given))],
      [say('refund.takes'), say('order.tokens_left', { left: number(order.token_parts.remaining), spent: number(order.token_parts.spent) })],
      [say('refund.taken'), number(tokensBack(order, amountOf(given)))],
      // Tokens that have expired are not taken: then the balance is less changed than this would say.
      [say('wallet.effect'), number(customer?.available ?? 0), order.token_parts.expired ? undefined : number((customer?.available ?? 0) - tokensBack(order, amountOf(given)))],
    ],
    values: (given) => ({
      amount: amountOf(given),
      force: given.force === true,
      ...(deposit ? { account: { bank: given.bank, account_number: given.number, holder: given.holder } } : {}),
    }),
    verb: (given) => say('refund.do', { amount: write(amountOf(given)) }),
  })
}

const askNote = (action, about) => ask({ title: say('order.note'), action, about, reasons: false, noteLabel: say('ask.note'), verb: () => say('order.note') })
export const noteOn = askNote

const askRecheck = ({ order_id: id }) => ask({ title: say('order.recheck_title'), action: 'recheck_order', about: id, verb: () => say('order.recheck') })

/** Where the gateway's own console has a payment, as far as its address is known. */
const pageLink = (me, { gateway, live, payment_key: key }) => {
  const page = key && me.pages[gateway]?.[live ? 'live' : 'test']
  return page ? html` <a href=${page.replace('{payment_key}', encodeURIComponent(key))} target="_blank" rel="noreferrer noopener">${say('order.open_gateway', { gateway: me.gateways[gateway] ?? gateway })} ↗</a>` : nothing
}

function order({ order: one, customer, attempts, timeline, refunds, cases, cash_receipt: receipt, can }, me) {
  const data = { order: one, customer, can }
  const write = (amount) => money(amount, one.currency)
  const taken = one.token_parts.taken
  return html`<nav class="crumbs"><a href="#/orders">${say('nav.orders')}</a> / <span class="mono">${one.order_id}</span></nav>
    ${heading(html`${write(one.amount)} ${chip('st', one.status)}`, html`
      <button type="button" @click=${() => askRecheck(one)}>${say('order.recheck')}</button>
      ${can.accept_refund ? html`<button type="button" @click=${() => askAccept(cases.find(({ actions }) => actions.includes('accept_refund')) ?? { order_id: one.order_id })}>${say('order.accept')}</button>` : nothing}
      ${can.refund ? html`<button type="button" class="main" @click=${() => askRefund(data)}>${say('order.refund')}</button>` : nothing}`)}
    <div class="figures">
      ${figure(say('order.paid'), write(one.paid))}
      ${figure(say('order.refunded'), write(one.refunded + one.withdrawn))}
      ${figure(say('order.net'), write(one.paid - one.refunded - one.withdrawn))}
      ${figure(say('col.tokens'), html`${one.paid ? `+${number(one.tokens)}` : number(0)}${taken ? ` −${number(taken)}` : ''}`, say('order.tokens_left', { left: number(one.token_parts.remaining), spent: number(one.token_parts.spent) }))}
    </div>
    <div class="columns">
      <section class="card"><div class="title"><h2>${say('order.timeline')}</h2><button type="button" class="plain small" @click=${() => askNote('note_order', one.order_id)}>${say('order.note')}</button></div>
        <ol class="timeline">${timeline.map((each) => moment(each, refunds, write))}</ol></section>
      <section class="card"><h2>${say('order.payment')}</h2>${facts([
        [say('col.customer'), customerLink(one.user_id, one.email)],
        [say('col.balance'), number(customer?.available ?? 0)],
        [say('col.product'), html`${nameOf(one)} · ${number(one.tokens)}`],
        one.quantity > 1 && [say('order.quantity'), number(one.quantity)],
        one.promo_code && [say('order.code'), html`<span class="mono">${one.promo_code}</span>`],
        [say('col.method'), nameOfMethod(one.method)],
        [say('col.gateway'), me.gateways[one.gateway] ?? one.gateway],
        [say('col.key'), one.payment_key ? html`<span class="mono">${one.payment_key}</span>${pageLink(me, one)}` : '–'],
        [say('order.mode'), say(one.live ? 'console.live' : 'console.test')],
        one.subscription_id && [say('order.subscription'), html`<a class="mono" href="#/subscriptions/${one.subscription_id}">${one.subscription_id.slice(0, 8)}</a>`],
        [say('order.created'), exact(one.created_at)],
      ])}</section>
    </div>
    ${receiptCard(receipt, one.order_id)}
    ${cases.length ? html`<h2>${say('order.cases')}</h2>${cases.map((each) => caseCard(each, me))}` : nothing}
    ${attempts.length ? html`<section class="card flush"><div class="title"><h2>${say('order.attempts')}</h2></div>${table(say('order.attempts'), [
      { name: say('col.key'), main: true, cell: (row) => html`<span class="mono">${row.payment_key}</span>${pageLink(me, row)}` },
      { name: say('col.status'), cell: (row) => html`${said('st', STATES[row.state] ?? row.state)}${row.credited ? html` <span class="chip good">${say('order.credited')}</span>` : nothing}` },
      { name: say('col.reason'), cell: (row) => row.failure_reason ?? (row.problem ? said('ck', row.problem) : '–') },
      { name: say('col.when'), cell: (row) => time(row.updated_at), quiet: true },
      { name: say('col.amount'), end: true, cell: (row) => money(row.paid || row.amount, row.currency) },
    ], attempts)}</section>` : nothing}`
}

const MARKS = { credited: 'check', taken: 'refunds', webhook: 'webhooks', action: 'note', made: 'plus', failed: 'cross' }

/** One line of what happened: who or what caused it, and what it came to. */
function moment(each, refunds, write) {
  const [mark, title, more] = told(each, refunds, write)
  return html`<li><span class="mark ${mark}">${icon(MARKS[mark] ?? 'orders')}</span>
    <div><b>${title}</b>${more ? html`<small>${more}</small>` : nothing}</div>${time(each.at)}</li>`
}

function told(each, refunds, write) {
  if (each.kind === 'webhook') return ['webhook', say('ev.webhook'), [each.event, said('wo', each.outcome), each.seconds ? `${number(each.seconds)} s` : null].filter(Boolean).join(' · ')]
  if (each.kind === 'action') return ['action', said('act', each.action), [each.detail.amount ? write(each.detail.amount) : null, each.reason, each.actor, each.role && said('role', each.role)].filter(Boolean).join(' · ')]
  const source = said('src', each.source)
  if (!each.from) return ['made', say('ev.created'), source]
  if (/^refund_/.test(each.reason)) {
    // One refund of an order is under way at a time: it is the last that was asked for until then.
    const refund = refunds.find(({ created_at: at }) => Date.parse(at) <= Date.parse(each.at))
    const money = refund ? write(refund.amount) : null
    return ['taken', said('ev', each.reason), [money, source].filter(Boolean).join(' · ')]
  }
  if (each.tokens > 0) return ['credited', say('ev.credited', { count: number(each.tokens) }), [said('st', each.to), source].join(' · ')]
  if (each.tokens < 0) return ['taken', say('ev.taken', { count: number(-each.tokens) }), [said('st', each.to), source].join(' · ')]
  if (each.from === each.to) return ['failed', say('ev.refused', { why: said('ck', each.reason) }), source]
  return [each.to === 'failed' ? 'failed' : 'moved', say('ev.moved', { from: said('st', each.from), to: said('st', each.to) }), [each.reason && said('ck', each.reason), source].filter(Boolean).join(' · ')]
}
