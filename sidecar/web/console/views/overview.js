// What needs a person, and how business goes.

import { html, nothing } from 'lit'
import { get, list, report } from '../api.js'
import { bars, shares } from '../charts.js'
import { amounts, chip, customerLink, figure, heading, icon, nameOfMethod, table, time } from '../parts.js'
import { day, exact, money, nameOf, number, say, sums, when, zone } from '../words.js'

const PERIODS = [7, 30, 90, 365]

export async function load({ filters, me }) {
  const days = Number(filters.days ?? 30)
  const span = { from: day(days - 1), to: day(), zone: zone() }
  const before = { from: day(2 * days - 1), to: day(days), zone: zone(), step: 'all' }
  const step = days > 90 ? 'month' : 'day'
  const [attention, sales, whole, earlier, funnel, tokens, liability, methods, recent] = await Promise.all([
    get('attention'),
    report('sales', { ...span, step }),
    report('sales', { ...span, step: 'all' }),
    report('sales', before),
    report('funnel', { ...span, step: 'all' }),
    report('tokens', { ...span, step: 'all' }),
    report('liability', { from: day(3650), to: day(), zone: zone(), step: 'all' }),
    report('methods', { ...span, step: 'all' }),
    list('orders', {}, null, 6),
  ])
  const currencies = [...new Set([...whole.rows.map((row) => row.currency), ...me.currencies])]
  return { days, attention, sales, whole, earlier, funnel, tokens, liability, methods, recent, currencies }
}

const of = (rows, currency) => rows.filter((row) => row.currency === currency)
const sum = (rows, name) => rows.reduce((all, row) => all + row[name], 0)

function compared(now, before) {
  if (!before) return nothing
  const change = Math.round((1000 * (now - before)) / Math.abs(before)) / 10
  return say('over.vs', { change: `${change > 0 ? '+' : ''}${number(change)}%` })
}

const need = (name, href, title, sub) => html`<a class="need" href=${href}><span class="mark">${icon(name)}</span><span><b>${title}</b><small>${sub}</small></span></a>`

function needs({ cases, oldest_case: oldest, disputes, webhooks, next_webhook_at: next, endpoints, mails, oldest_mail: mail, refunds, cash_receipts: receipts, ledger }) {
  const all = [
    cases && need('review', '#/review', say('over.cases', { count: number(cases) }), say('over.case_age', { age: when(oldest) })),
    disputes && need('warning', '#/orders?status=disputed', say('over.disputes', { count: number(disputes) }), say('over.dispute_sub')),
    webhooks && need('webhooks', '#/webhooks?outcome=failed', say('over.webhooks', { count: number(webhooks) }), say('over.webhook_next', { time: when(next) })),
    endpoints && need('events', '#/events', say('over.endpoints', { count: number(endpoints) }), say('over.endpoint_sub')),
    mails && need('warning', '#/events', say('over.mails', { count: number(mails) }), say('over.mail_age', { age: when(mail) })),
    refunds && need('refunds', '#/refunds', say('over.refunds', { count: number(refunds) }), say('over.refund_sub')),
    receipts && need('refunds', '#/receipts?state=failed', say('over.receipts', { count: number(receipts) }), say('over.receipt_sub')),
    ledger?.wallets > 0 && need('warning', '#/review?kind=ledger_unsound', say('over.unbalanced', { count: number(ledger.wallets) }), when(ledger.checked_at)),
  ].filter(Boolean)
  return html`<section class="card needs" aria-label=${say('over.attention')}>${all.length ? all : html`<p class="calm">${icon('check')} ${say('over.clear')}</p>`}</section>`
}

export function view({ data, filters, go, me }) {
  const currency = filters.currency ?? data.currencies[0] ?? 'KRW'
  const [now] = of(data.whole.rows, currency)
  const [before] = of(data.earlier.rows, currency)
  const funnel = of(data.funnel.rows, currency)
  const [opened, paid] = [sum(funnel, 'opened'), sum(funnel, 'paid')]
  const [tokens] = data.tokens.rows
  const owed = data.liability.rows.filter(({ closing }) => closing).map((row) => ({ amount: row.closing, currency: row.currency }))
  const write = (amount) => money(amount, currency)
  const points = of(data.sales.rows, currency).map((row) => ({ day: row.day, above: row.paid, below: row.refunded + row.withdrawn }))
  return html`
    ${heading(say('nav.overview'), html`
      ${data.currencies.length > 1 ? html`<select aria-label=${say('rep.currency')} @change=${({ target }) => go({ currency: target.value })}>${data.currencies.map((each) => html`<option ?selected=${each === currency}>${each}</option>`)}</select>` : nothing}
      <div class="segments" role="group" aria-label=${say('period.label')}>${PERIODS.map((days) => html`<button type="button" aria-pressed=${days === data.days} @click=${() => go({ days })}>${say(`period.${days}`)}</button>`)}</div>`)}
    ${needs(data.attention)}
    <div class="figures">
      ${figure(say('over.net'), write(now?.net ?? 0), compared(now?.net ?? 0, before?.net), say('over.net_help'))}
      ${figure(say('over.success'), opened ? `${number(Math.round((1000 * paid) / opened) / 10)}%` : '–', say('over.success_sub', { paid: number(paid), tried: number(opened) }), say('over.success_help'))}
      ${figure(say('over.sold'), number(tokens?.sold ?? 0), say('over.spent', { count: number(tokens?.spent ?? 0) }), say('over.sold_help'))}
      ${figure(say('over.outstanding'), number(tokens?.outstanding ?? 0), say('over.liability', { amount: sums(owed) }), say('over.outstanding_help'))}
    </div>
    ${data.tokens.complete ? nothing : html`<p class="quiet">${say('over.pending', { time: exact(data.tokens.complete_to) })}</p>`}
    <div class="columns">
      <section class="card"><div class="title"><h2>${say('over.chart')}</h2><p class="legend"><i></i>${say('over.sales')} <i class="back"></i>${say('over.back')}</p></div>
        ${points.length ? bars(say('over.chart'), points, { write, names: [say('over.sales'), say('over.back')] }) : html`<p class="empty">${say('over.first')}</p>`}</section>
      <section class="card"><h2>${say('over.methods')}</h2>
        ${shares(say('over.methods'), of(data.methods.rows, currency).map((row) => ({ name: nameOfMethod(row.label), value: row.net })), { write })}</section>
    </div>
    <section class="card flush"><div class="title"><h2>${say('over.recent')}</h2><a href="#/orders">${say('over.view_all')}</a></div>
      ${table(say('over.recent'), ordersColumns(me.gateways), data.recent.items, { href: ({ order_id: id }) => `#/orders/${id}`, empty: say('over.first') })}</section>`
}

export const ordersColumns = (gateways = {}) => [
  { name: say('col.customer'), main: true, cell: (row) => html`<a href="#/orders/${row.order_id}"><bdi>${row.email ?? row.user_id.slice(0, 8)}</bdi></a>` },
  { name: say('col.product'), cell: (row) => html`${nameOf(row)}${row.quantity > 1 ? ` × ${row.quantity}` : ''}` },
  { name: say('col.method'), wide: true, cell: (row) => html`${nameOfMethod(row.method)}<small>${gateways[row.gateway] ?? row.gateway}</small>` },
  { name: say('col.status'), cell: (row) => chip('st', row.status) },
  { name: say('col.when'), cell: (row) => time(row.created_at), quiet: true },
  { name: say('col.tokens'), end: true, cell: (row) => number(row.tokens), quiet: true },
  { name: say('col.amount'), end: true, cell: amounts },
]
export { customerLink }
