// Subscriptions, and one of them with its periods, charges and all that happened.

import { html, nothing } from 'lit'
import { get, list } from '../api.js'
import { ask } from '../dialog.js'
import { chip, customerLink, facts, figure, filterBar, heading, icon, orderLink, pager, table, time } from '../parts.js'
import { exact, money, nameOf, number, on, said, say } from '../words.js'
import { exportButton } from './exports.js'
import { askRefund } from './orders.js'

const STATES = ['incomplete', 'trialing', 'active', 'past_due', 'paused', 'ended']

const asked = ({ after, status, ...filters }) => ({ ...filters, ...(status ? { status: [status] } : {}) })

export async function load({ id, filters }) {
  return id ? get('subscription', id) : list('subscriptions', asked(filters), filters.after)
}

const price = (row) => html`${money(row.amount, row.currency)}<small>${said('every', row.every)}</small>`
const card = (method) => (method ? [method.brand, method.last_four && `•••• ${method.last_four}`].filter(Boolean).join(' ') || said('ss', 'stored') : '–')

/** A state with what is to come of it: it may end or pause with its period. */
const state = (row) => html`${chip('ss', row.status)}${row.cancel_at_end ? html` <span class="chip warn">${say('sub.canceled')}</span>` : nothing}${row.pause_at_end ? html` <span class="chip plain">${say('sub.to_pause')}</span>` : nothing}${row.needs ? html`<small>${said('sub.needs', row.needs)}</small>` : nothing}`

export const subscriptionColumns = () => [
  { name: say('col.customer'), main: true, cell: (row) => html`<a href="#/subscriptions/${row.id}"><bdi>${row.email ?? row.user_id.slice(0, 8)}</bdi></a>` },
  { name: say('col.plan'), cell: nameOf },
  { name: say('col.status'), cell: state },
  { name: say('col.next_charge'), cell: (row) => time(row.next_charge_at), quiet: true },
  { name: say('col.method'), cell: (row) => card(row.method), quiet: true },
  { name: say('col.since'), cell: (row) => time(row.created_at), quiet: true },
  { name: say('col.tokens'), end: true, cell: (row) => number(row.tokens), quiet: true },
  { name: say('col.price'), end: true, cell: price },
]

export function view({ data, id, filters, go, me }) {
  if (id) return one(data, me)
  return html`${heading(say('nav.subscriptions'), exportButton(me, 'subscriptions', asked(filters)))}
    ${filterBar([
      { name: 'status', label: say('filter.status'), options: STATES.map((each) => [each, said('ss', each)]) },
      { name: 'gateway', label: say('filter.gateway'), options: Object.entries(me.gateways) },
      { name: 'currency', label: say('filter.currency'), options: me.currencies.map((each) => [each, each]) },
      { name: 'plan', label: say('filter.plan') },
    ], filters, go)}
    <section class="card flush">${table(say('nav.subscriptions'), subscriptionColumns(), data.items, {
      href: (row) => `#/subscriptions/${row.id}`,
      empty: say(data.next ? 'console.goes_on' : Object.keys(filters).length ? 'console.none_filtered' : 'sub.empty'),
    })}</section>${pager(data, filters, go)}`
}

function askCancel({ subscription: it, can }) {
  ask({
    title: say('sub.cancel_title', { name: nameOf(it) }), text: say(can.at_once ? 'sub.cancel_now' : 'sub.cancel_end'),
    action: 'cancel_subscription', about: it.id, danger: true,
    facts: () => [
      [say('col.customer'), it.email ?? it.user_id.slice(0, 8)],
      [say('sub.ends'), can.at_once ? say('sub.now') : exact(it.period_end)],
      [say('sub.next_charge'), it.next_charge_at ? exact(it.next_charge_at) : '–', say('sub.none')],
    ],
    verb: () => say('sub.cancel'),
  })
}

/** A period is refunded as its order; what cannot be is looked at there. */
async function refund(order) {
  const data = await get('order', order.order_id)
  if (data.can.refund) askRefund(data)
  else location.hash = `#/orders/${order.order_id}`
}

const left = (order) => order.paid - order.refunded - order.withdrawn

const orderOf = (row, may) => html`${row.orders.map((each) => html`<span class="with">${orderLink(each.order_id)} ${chip('st', each.status)}${
  may && left(each) > 0 ? html` <button type="button" class="plain small" @click=${() => refund(each)}>${say('order.refund')}</button>` : nothing}</span>`)}`

function one({ subscription: it, customer, cycles, charges, timeline, can }, me) {
  const data = { subscription: it, can }
  const paid = cycles.filter(({ status }) => status === 'paid').length
  const over = it.status === 'ended'
  return html`<nav class="crumbs"><a href="#/subscriptions">${say('nav.subscriptions')}</a> / <span class="mono">${it.id}</span></nav>
    ${heading(html`${nameOf(it)} ${state(it)}`, html`
      ${can.cancel ? html`<button type="button" class="main" @click=${() => askCancel(data)}>${say('sub.cancel')}</button>` : nothing}`)}
    <div class="figures">
      ${figure(say('col.price'), money(it.amount, it.currency), said('every', it.every))}
      ${figure(say('sub.tokens'), number(it.tokens), say(`rollover.${it.rollover}`, { count: it.rollover_cap && number(it.rollover_cap) }))}
      ${over ? figure(say('sub.ended'), on(it.ended_at), said('er', it.end_reason)) : figure(say(it.cancel_at_end ? 'sub.ends' : 'sub.next_charge'), on(it.cancel_at_end ? it.period_end : it.next_charge_at), it.grace_until ? say('sub.grace', { time: on(it.grace_until) }) : nothing)}
      ${figure(say('sub.paid'), number(paid))}
    </div>
    <div class="columns">
      <section class="card"><h2>${say('order.timeline')}</h2>${timeline.length ? html`<ol class="timeline">${timeline.map((each) => moment(each, it))}</ol>` : html`<p class="empty">${say('console.none')}</p>`}</section>
      <section class="card"><h2>${say('sub.facts')}</h2>${facts([
        [say('col.customer'), customerLink(it.user_id, it.email)],
        [say('col.balance'), number(customer?.available ?? 0)],
        [say('col.method'), html`${card(it.method)}${it.method?.broken ? html` <span class="chip bad">${say('sub.broken')}</span>` : nothing}`],
        [say('col.gateway'), me.gateways[it.gateway] ?? it.gateway],
        [say('sub.period'), `${exact(it.period_start)} – ${exact(it.period_end)}`],
        it.next_plan_id && [say('sub.next_plan'), it.next_plan_id],
        [say('order.mode'), say(it.live ? 'console.live' : 'console.test')],
        [say('col.since'), exact(it.created_at)],
        [say('rep.zone'), it.time_zone],
      ])}</section>
    </div>
    <section class="card flush"><div class="title"><h2>${say('sub.cycles')}</h2></div>${table(say('sub.cycles'), [
      { name: say('sub.period'), main: true, cell: (row) => html`${exact(row.period_start)}<small>${exact(row.period_end)}</small>` },
      { name: say('col.status'), cell: (row) => chip('cy', row.status) },
      { name: say('col.order'), cell: (row) => orderOf(row, can.refund_order) },
      { name: say('sub.declined'), end: true, cell: (row) => number(row.tries), quiet: true },
      { name: say('col.tokens'), end: true, cell: (row) => number(row.tokens), quiet: true },
      { name: say('col.amount'), end: true, cell: (row) => money(row.amount, row.currency) },
    ], cycles)}</section>
    <section class="card flush"><div class="title"><h2>${say('sub.charges')}</h2></div>${table(say('sub.charges'), [
      { name: say('col.when'), main: true, cell: (row) => time(row.at) },
      { name: say('col.outcome'), cell: (row) => html`${chip('ch', row.state)}${row.reason ? html`<small>${row.reason}</small>` : nothing}` },
      { name: say('col.method'), cell: (row) => card(row.method), quiet: true },
      { name: say('col.order'), cell: (row) => orderLink(row.order_id), quiet: true },
      { name: say('sub.looks'), end: true, cell: (row) => number(row.looks), quiet: true },
      { name: say('col.amount'), end: true, cell: (row) => money(row.amount, row.currency) },
    ], charges)}</section>`
}

const MARKS = { started: 'credited', renewed: 'credited', recovered: 'credited', resumed: 'credited', upgraded: 'credited', declined: 'failed', unanswered: 'failed', upgrade_declined: 'failed', disputed: 'failed', ended: 'taken', canceled: 'taken', upgrade_refunded: 'taken' }
const ICONS = { credited: 'check', failed: 'cross', taken: 'refunds', action: 'note', made: 'plus' }

function moment(each, it) {
  const [mark, title, more] = told(each, it)
  return html`<li><span class="mark ${mark}">${icon(ICONS[mark] ?? 'subscriptions')}</span>
    <div><b>${title}</b>${more ? html`<small>${more}</small>` : nothing}</div>${time(each.at)}</li>`
}

function told(each, it) {
  const joined = (...parts) => parts.filter(Boolean).join(' · ')
  if (each.kind === 'action') return ['action', said('act', each.action), joined(each.reason, each.actor, each.role && said('role', each.role))]
  if (each.kind === 'consent') {
    const { amount, currency, every, plan_id: plan } = each.terms
    return ['made', said('consent', each.consent), joined(plan, amount && money(amount, currency ?? it.currency), every && said('every', every))]
  }
  const { detail } = each
  return [MARKS[each.event] ?? 'moved', said('se', each.event), joined(
    detail.by === 'operator' && say('sub.by_operator'), detail.class && said('ch', detail.class),
    detail.reason && (said('er', detail.reason)), detail.plan_id, detail.order_id,
    each.from && each.from !== each.to ? say('ev.moved', { from: said('ss', each.from), to: said('ss', each.to) }) : null,
  )]
}
