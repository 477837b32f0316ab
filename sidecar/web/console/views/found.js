// What a search found.

import { html, nothing } from 'lit'
import { search } from '../api.js'
import { customerLink, heading, table } from '../parts.js'
import { number, say } from '../words.js'
import { ordersColumns } from './overview.js'
import { subscriptionColumns } from './subscriptions.js'

export const load = ({ filters: { q = '' } }) => (q.trim().length < 3 ? { short: true } : search(q.trim()))

const group = (name, content) => html`<section class="card flush"><div class="title"><h2>${say(`search.${name}`)}</h2></div>${content}</section>`

export function view({ data, filters: { q = '' }, me }) {
  const { orders = [], customers = [], codes = [], products = [], subscriptions = [] } = data
  const none = !orders.length && !customers.length && !codes.length && !products.length && !subscriptions.length
  return html`${heading(say('search.title'))}
    ${none ? html`<section class="card"><p class="empty">${data.short ? say('search.short') : say('search.none', { q })}</p></section>` : nothing}
    ${orders.length ? group('orders', table(say('search.orders'), ordersColumns(me.gateways), orders, { href: (row) => `#/orders/${row.order_id}` })) : nothing}
    ${customers.length ? group('customers', table(say('search.customers'), [
      { name: say('col.customer'), main: true, cell: (row) => customerLink(row.user_id, row.email) },
      { name: say('col.balance'), end: true, cell: (row) => number(row.available) },
    ], customers, { href: (row) => `#/customers/${row.user_id}` })) : nothing}
    ${subscriptions.length ? group('subscriptions', table(say('nav.subscriptions'), subscriptionColumns(), subscriptions, { href: (row) => `#/subscriptions/${row.id}` })) : nothing}
    ${codes.length ? group('codes', html`<p>${codes.map((each) => html`<a href="#/codes/${each.promotion}">${each.code}</a> `)}</p>`) : nothing}
    ${products.length ? group('products', html`<p>${products.map((each) => html`<a href="#/catalogue">${each.name}</a> `)}</p>`) : nothing}`
}
