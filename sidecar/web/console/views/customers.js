// Customers and their wallets.

import { html, nothing } from 'lit'
import { act, get, list } from '../api.js'
import { ask } from '../dialog.js'
import { customerLink, facts, figure, heading, orderLink, pager, signed, table, time } from '../parts.js'
import { exact, money, number, said, say, sums } from '../words.js'
import { noteOn } from './orders.js'
import { ordersColumns } from './overview.js'
import { subscriptionColumns } from './subscriptions.js'

const seen = new Map()
const proofs = new Map()

export async function load({ id, filters: { after, ...filters } }) {
  if (!id) return list('customers', filters, after)
  const [customer, entries, orders, subscriptions] = await Promise.all([
    get('customer', id), list('entries', { user: id, ...(filters.kind ? { kind: filters.kind } : {}) }, after, 50), list('orders', { user: id }, null, 20),
    list('subscriptions', { user: id }, null, 20),
  ])
  return { ...customer, entries, orders, subscriptions }
}

export function view({ data, id, filters, go, me, paint }) {
  if (id) return customer(data, filters, go, me, paint)
  return html`${heading(say('nav.customers'))}
    <section class="card flush">${table(say('nav.customers'), [
      { name: say('col.customer'), main: true, cell: (row) => customerLink(row.user_id, row.anonymous ? say('wallet.anonymous') : row.email) },
      { name: say('col.balance'), end: true, cell: (row) => number(row.available) },
      { name: say('col.held'), end: true, cell: (row) => number(row.held), quiet: true },
      { name: say('col.last_order'), cell: (row) => time(row.last_order_at) },
      { name: say('col.joined'), cell: (row) => time(row.joined_at), quiet: true },
    ], data.items, { href: (row) => `#/customers/${row.user_id}`, empty: say(data.next ? 'console.goes_on' : 'over.first') })}</section>${pager(data, filters, go)}`
}

const nameOf = ({ customer }) => seen.get(customer.user_id)?.email ?? customer.email ?? customer.user_id.slice(0, 8)

function askTokens(data, action) {
  const gives = action === 'grant_tokens'
  const { customer, can } = data
  const count = ({ tokens }) => Math.trunc(Number(tokens)) || 0
  const most = gives ? can.grant_max ?? undefined : Math.max(0, customer.available)
  ask({
    title: say(gives ? 'wallet.grant_title' : 'wallet.take_title', { name: nameOf(data) }),
    text: gives ? undefined : say('wallet.take_help'),
    action, about: customer.user_id, danger: !gives,
    fields: [{ name: 'tokens', label: say('wallet.count'), type: 'number', value: '', min: 1, max: most, required: true, hint: gives && can.grant_max != null ? say('wallet.limit', { count: number(can.grant_max) }) : undefined }],
    facts: (given) => [[say('wallet.effect'), number(customer.available), number(customer.available + (gives ? 1 : -1) * count(given))]],
    values: (given) => ({ tokens: count(given) }),
    verb: (given) => count(given)
      ? say(gives ? 'wallet.grant_do' : 'wallet.take_do', { count: number(count(given)) })
      : say(gives ? 'wallet.grant' : 'wallet.take'),
  })
}
export const askGrant = (data) => askTokens(data, 'grant_tokens')

const askReveal = (data) => ask({
  title: say('wallet.reveal_title'), text: say('wallet.reveal_text'), action: 'reveal_customer', about: data.customer.user_id,
  run: async (_, reason) => {
    const { answer } = await act('reveal_customer', data.customer.user_id, reason, crypto.randomUUID())
    seen.set(data.customer.user_id, answer)
  },
  verb: () => say('wallet.reveal'),
})

function customer(data, filters, go, me, paint) {
  const { customer: one, can } = data
  const known = seen.get(one.user_id)
  const proof = proofs.get(one.user_id)
  const verify = async () => {
    proofs.set(one.user_id, await get('proof', one.user_id))
    paint()
  }
  return html`<nav class="crumbs"><a href="#/customers">${say('nav.customers')}</a> / <span class="mono">${one.user_id}</span></nav>
    ${heading(html`<bdi>${nameOf(data)}</bdi>`, html`
      ${can.reveal_customer && one.masked && !known ? html`<button type="button" @click=${() => askReveal(data)}>${say('wallet.reveal')}</button>` : nothing}
      <button type="button" @click=${() => noteOn('note_customer', one.user_id)}>${say('order.note')}</button>
      ${can.take_tokens ? html`<button type="button" @click=${() => askTokens(data, 'take_tokens')}>${say('wallet.take')}</button>` : nothing}
      ${can.grant_tokens ? html`<button type="button" class="main" @click=${() => askGrant(data)}>${say('wallet.grant')}</button>` : nothing}`)}
    ${one.closed_at ? html`<p class="notice">${say('wallet.closed')}</p>` : nothing}
    ${known?.phone ? html`<p>${say('wallet.revealed', { email: known.email ?? '', phone: known.phone })}</p>` : nothing}
    <div class="figures">
      ${figure(say('wallet.available'), number(one.available))}
      ${figure(say('wallet.held'), number(one.held))}
      ${figure(say('wallet.lifetime'), sums(data.money.filter(({ paid }) => paid).map((row) => ({ amount: row.paid - row.refunded - row.withdrawn, currency: row.currency }))))}
      ${figure(say('wallet.entries'), number(one.entries), proof ? say(proof.problems.length ? 'wallet.unsound' : 'wallet.sound', { count: number(proof.problems.length || proof.entries) }) : html`<button type="button" class="plain small" @click=${verify}>${say('wallet.verify')}</button>`)}
    </div>
    <div class="columns">
      <section class="card flush"><div class="title"><h2>${say('wallet.ledger')}</h2></div>${table(say('wallet.ledger'), [
        { name: '#', cell: (row) => number(row.seq), quiet: true },
        { name: say('col.kind'), main: true, cell: (row) => html`${said('lk', row.kind)}<small>${row.feature ?? row.reason}</small>` },
        { name: say('col.order'), cell: (row) => orderLink(row.order_id), quiet: true },
        { name: say('col.when'), cell: (row) => time(row.created_at) },
        { name: say('col.balance'), end: true, cell: (row) => number(row.balance), quiet: true },
        { name: say('col.tokens'), end: true, cell: (row) => signed(row.delta) },
      ], data.entries.items)}${pager(data.entries, filters, go)}</section>
      <div class="stack">
        <section class="card"><h2>${say('wallet.lots')}</h2>${data.lots.length ? facts(data.lots.map((lot) => [html`${said('lk', lot.kind)} <small>${lot.expires_at ? exact(lot.expires_at) : say('wallet.never')}</small>`, `${number(lot.remaining)} / ${number(lot.tokens)}`])) : html`<p class="empty">${say('console.none')}</p>`}</section>
        ${data.holds.length ? html`<section class="card"><h2>${say('wallet.holds')}</h2>${facts(data.holds.map((hold) => [html`${hold.feature ?? hold.id.slice(0, 8)} <small>${exact(hold.expires_at)}</small>`, number(hold.amount)]))}</section>` : nothing}
        ${data.actions.length ? html`<section class="card"><h2>${say('wallet.history')}</h2>${facts(data.actions.map((each) => [html`${said('act', each.action)} <small>${each.actor} · ${exact(each.at)}</small>`, each.reason]))}</section>` : nothing}
      </div>
    </div>
    ${data.subscriptions.items.length ? html`<section class="card flush"><div class="title"><h2>${say('nav.subscriptions')}</h2></div>${table(say('nav.subscriptions'), subscriptionColumns(), data.subscriptions.items, { href: (row) => `#/subscriptions/${row.id}` })}</section>` : nothing}
    <section class="card flush"><div class="title"><h2>${say('wallet.orders')}</h2></div>${table(say('wallet.orders'), ordersColumns(me.gateways).slice(1), data.orders.items, { href: (row) => `#/orders/${row.order_id}` })}</section>`
}
export { money }
