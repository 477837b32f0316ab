// What needs a person: our order beside what the payment company says, and the actions that fit.

import { html, nothing } from 'lit'
import { get, list } from '../api.js'
import { ask } from '../dialog.js'
import { filterBar, heading, orderLink, pager, time } from '../parts.js'
import { money, said, say } from '../words.js'
import { askGrant } from './customers.js'
import { askRefund, STATES } from './orders.js'

const KINDS = ['unknown_order', 'wrong_order', 'wrong_gateway', 'wrong_mode', 'wrong_currency', 'wrong_amount', 'wallet_closed', 'wallet_full', 'duplicate_payment', 'late_payment', 'voided_order', 'illegal_transition', 'refund_unresolved', 'audit_unknown', 'audit_different', 'audit_missing', 'audit_unfinished', 'ledger_unsound', 'fraud_warning', 'declines_in_a_row', 'refunds_in_a_row']
const COMPARED = ['status', 'amount', 'currency', 'paid', 'refunded', 'live', 'gateway', 'payment_key']

export const load = ({ filters: { after, ...filters } }) => list('cases', filters, after)

export const view = ({ data, filters, go, me }) => html`${heading(say('nav.review'))}
  ${filterBar([
    { name: 'state', label: say('filter.state'), all: say('filter.open'), options: [['resolved', say('filter.resolved')]] },
    { name: 'kind', label: say('filter.kind'), options: KINDS.map((kind) => [kind, said('ck', kind)]) },
    { name: 'gateway', label: say('filter.gateway'), options: Object.entries(me.gateways) },
  ], filters, go)}
  ${data.items.length ? data.items.map((each) => caseCard(each, me)) : html`<section class="card"><p class="empty">${say(Object.keys(filters).length ? 'console.none_filtered' : 'review.empty')}</p></section>`}
  ${pager(data, filters, go)}`

/** The refund that was proposed of money that bought nothing. */
export const askAccept = ({ order_id: id, theirs }) => ask({
  title: say('refund.accept_title'), action: 'accept_refund', about: id, danger: true, warning: say('refund.warn'),
  facts: () => theirs ? [[say('refund.gets'), money(theirs.paid - theirs.refunded, theirs.currency)]] : [],
  verb: () => say('order.accept'),
})

const ACTIONS = {
  accept_refund: askAccept,
  refund_order: async (each) => askRefund(await get('order', each.order_id)),
  grant_tokens: async (each) => askGrant(await get('customer', each.ours.user_id)),
  recheck_order: (each) => ask({ title: say('order.recheck_title'), action: 'recheck_order', about: each.order_id, verb: () => say('order.recheck') }),
  close_refund: (each) => askClose(each.refund_id),
  resolve_case: (each) => ask({ title: say('review.resolve_title'), text: said('ck', each.kind), action: 'resolve_case', about: String(each.id), reasons: false, noteLabel: say('review.resolution'), verb: () => say('review.resolve') }),
}
const WORDS = { accept_refund: 'order.accept', refund_order: 'order.refund', grant_tokens: 'wallet.grant', recheck_order: 'order.recheck', close_refund: 'refund.close', resolve_case: 'review.resolve' }

export const askClose = (id) => ask({ title: say('refund.close_title'), text: say('refund.close_text'), action: 'close_refund', about: id, danger: true, verb: () => say('refund.close') })

const shown = (name, facts, me) => {
  const value = name === 'status' ? facts?.status ?? facts?.state : facts?.[name]
  if (value == null || value === '') return '–'
  if (['amount', 'paid', 'refunded'].includes(name)) return money(value, facts.currency)
  if (name === 'live') return say(value ? 'console.live' : 'console.test')
  if (name === 'gateway') return me.gateways[value] ?? value
  return name === 'status' ? said('st', STATES[value] ?? value) : String(value)
}

const age = (iso) => (Date.now() - Date.parse(iso)) / 3_600_000

export function caseCard(each, me) {
  const { ours, theirs } = each
  const rows = COMPARED.filter((name) => ours?.[name] !== undefined || theirs?.[name] !== undefined)
  const differs = (name) => ours && theirs && ours[name] != null && theirs[name] != null && ours[name] !== theirs[name]
  const fits = each.actions.filter((name) => name !== 'close_refund' || each.refund_id).filter((name) => !/order$/.test(name) || ours)
  const old = each.resolved_at ? '' : age(each.created_at) > 24 ? 'bad' : age(each.created_at) > 4 ? 'warn' : ''
  return html`<section class="card case">
    <div class="title"><h2>${said('ck', each.kind)}</h2><span class="chip ${old || 'plain'}">${time(each.created_at)}</span></div>
    <p class="quiet">${each.order_id ? orderLink(each.order_id) : nothing} ${me.gateways[each.gateway] ?? each.gateway}</p>
    ${rows.length ? html`<div class="scroll" tabindex="0" role="group" aria-label=${said('ck', each.kind)}><table class="compare"><caption class="unseen">${said('ck', each.kind)}</caption>
      <thead><tr><td></td><th scope="col">${say('review.ours')}</th><th scope="col">${say('review.theirs')}</th></tr></thead>
      <tbody>${rows.map((name) => html`<tr class=${differs(name) ? 'differs' : ''}><th scope="row">${said('review.field', name)}</th><td>${shown(name, ours, me)}</td><td>${shown(name, theirs, me)}</td></tr>`)}</tbody>
    </table></div>` : html`<pre class="detail">${JSON.stringify(each.detail, null, 1)}</pre>`}
    ${each.resolved_at ? html`<p>${say('review.resolved', { text: each.resolution })}</p>`
      : fits.length ? html`<div class="actions">${fits.map((name, n) => html`<button type="button" class=${n ? '' : 'main'} @click=${() => ACTIONS[name](each)}>${say(WORDS[name])}</button>`)}</div>` : nothing}
  </section>`
}
