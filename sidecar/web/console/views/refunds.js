// Refunds that operators asked for, and how far they have come.

import { html, nothing } from 'lit'
import { list } from '../api.js'
import { chip, filterBar, heading, orderLink, pager, table, time } from '../parts.js'
import { money, number, said, say } from '../words.js'
import { exportButton } from './exports.js'
import { askClose } from './review.js'

const STATES = ['requested', 'pending', 'succeeded', 'failed']

const asked = ({ after, status, ...filters }) => ({ ...filters, ...(status ? { status: [status] } : {}) })

export const load = ({ filters }) => list('refunds', asked(filters), filters.after)

export const view = ({ data, filters, go, me }) => html`${heading(say('nav.refunds'), exportButton(me, 'refunds', asked(filters)))}
  ${filterBar([
    { name: 'status', label: say('filter.status'), options: STATES.map((each) => [each, said('rs', each)]) },
    { name: 'gateway', label: say('filter.gateway'), options: Object.entries(me.gateways) },
  ], filters, go)}
  <section class="card flush">${table(say('nav.refunds'), [
    { name: say('col.customer'), main: true, cell: (row) => html`<a href="#/customers/${row.user_id}"><bdi>${row.email ?? row.user_id.slice(0, 8)}</bdi></a>` },
    { name: say('col.order'), cell: (row) => orderLink(row.order_id), quiet: true },
    { name: say('col.reason'), cell: (row) => row.reason },
    { name: say('col.by'), cell: (row) => row.requested_by ?? '–', quiet: true },
    { name: say('col.status'), cell: (row) => html`${chip('rs', row.status)}${row.failure_code ? html`<small>${say('refund.failed_why', { code: row.failure_code, message: row.failure_message ?? '' })}</small>` : nothing}${row.can_close ? html` <button type="button" class="plain small" @click=${() => askClose(row.id)}>${say('refund.close')}</button>` : nothing}` },
    { name: say('col.when'), cell: (row) => time(row.created_at), quiet: true },
    { name: say('col.tokens'), end: true, cell: (row) => number(row.tokens), quiet: true },
    { name: say('col.amount'), end: true, cell: (row) => money(row.amount, row.currency) },
  ], data.items, { href: (row) => `#/orders/${row.order_id}`, empty: say(Object.keys(filters).length ? 'console.none_filtered' : 'console.none') })}</section>${pager(data, filters, go)}`
