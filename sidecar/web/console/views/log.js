// What was done, by whom, and why.

import { html } from 'lit'
import { list } from '../api.js'
import { filterBar, heading, pager, table, time } from '../parts.js'
import { said, say } from '../words.js'
import { exportButton } from './exports.js'

const ACTIONS = ['refund_requested', 'refund_accepted', 'refund_closed', 'tokens_granted', 'tokens_taken', 'order_noted', 'order_rechecked', 'customer_noted', 'customer_revealed', 'case_resolved', 'webhooks_replayed', 'orders_voided', 'product_set', 'product_removed', 'price_planned', 'price_unplanned', 'price_begun', 'tiers_set', 'refill_set', 'promotion_set', 'code_set', 'codes_made', 'operator_added', 'operator_changed', 'operator_removed', 'report_exported', 'list_exported', 'subscription_canceled', 'endpoint_added', 'endpoint_changed', 'endpoint_rotated', 'endpoint_tested', 'endpoint_replayed', 'settings_changed', 'seller_set', 'unattended_set', 'cash_receipt_retried', 'cash_receipt_called_off', 'user_erased']

const asked = ({ after, ...filters }) => filters

export const load = ({ filters }) => list('actions', asked(filters), filters.after)

/** Before and after, of what is different, as short as a line is. */
function change({ from, to, planned_by: _who, ...rest }) {
  const simple = ([, value]) => value !== null && typeof value !== 'object'
  const told = Object.entries(rest).filter(simple).map(([name, value]) => `${name}: ${value}`)
  const names = [...new Set([...Object.keys(from ?? {}), ...Object.keys(to ?? {})])]
  const moved = names.filter((name) => JSON.stringify(from?.[name]) !== JSON.stringify(to?.[name]) && to?.[name] !== undefined)
  return [...moved.map((name) => `${name}: ${JSON.stringify(from?.[name] ?? null)} → ${JSON.stringify(to[name])}`), ...told].join(', ').slice(0, 200)
}

function object({ action, subject }) {
  if (/^ord/.test(subject)) return html`<a class="mono" href="#/orders/${subject}">${subject.slice(0, 18)}…</a>`
  if (!/^[0-9a-f-]{36}$/.test(subject)) return subject
  const page = /^subscription/.test(action) ? 'subscriptions' : /^endpoint/.test(action) ? 'events' : 'customers'
  return html`<a class="mono" href="#/${page}/${subject}">${subject.slice(0, 8)}</a>`
}

export const view = ({ data, filters, go, me }) => html`${heading(say('nav.log'), exportButton(me, 'actions', asked(filters)))}
  ${filterBar([
    { name: 'action', label: say('filter.action'), options: ACTIONS.map((each) => [each, said('act', each)]) },
    { name: 'subject', label: say('col.object') },
  ], filters, go)}
  <section class="card flush">${table(say('nav.log'), [
    { name: say('col.action'), main: true, cell: (row) => said('act', row.action) },
    { name: say('col.by'), cell: (row) => html`<bdi>${row.actor_name}</bdi><small>${row.role ? said('role', row.role) : row.planned_by_name ? say('cat.planned_by', { who: row.planned_by_name }) : ''}</small>` },
    { name: say('col.object'), cell: (row) => object(row) },
    { name: say('col.reason'), cell: (row) => row.reason || '–' },
    { name: say('col.change'), cell: (row) => html`<small>${change(row.detail)}</small>`, quiet: true },
    { name: say('col.when'), end: true, cell: (row) => time(row.at) },
  ], data.items, { empty: say(Object.keys(filters).length ? 'console.none_filtered' : 'console.none') })}</section>${pager(data, filters, go)}`
