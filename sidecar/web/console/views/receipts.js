// Cash receipts (현금영수증), and what a person does about one.

import { html, nothing } from 'lit'
import { list } from '../api.js'
import { ask } from '../dialog.js'
import { chip, facts, filterBar, heading, orderLink, pager, table, time } from '../parts.js'
import { money, said, say } from '../words.js'

const STATES = ['requested', 'in_progress', 'issued', 'failed', 'cancelled']

export const load = ({ filters: { after, ...filters } }) => list('cash_receipts', filters, after)

const why = ({ failure_code: code, failure_message: message }) => code && say('refund.failed_why', { code, message: message ?? '' })

export const view = ({ data, filters, go, me }) => html`${heading(say('nav.receipts'))}
  ${filterBar([{ name: 'state', label: say('filter.status'), options: STATES.map((each) => [each, said('cr', each)]) }], filters, go)}
  <section class="card flush">${table(say('nav.receipts'), [
    { name: say('col.order'), main: true, cell: (row) => orderLink(row.order_id) },
    { name: say('cash.kind'), cell: (row) => html`${said('cr', row.kind)}<small>${row.number ?? nothing}</small>` },
    { name: say('col.gateway'), cell: (row) => me.gateways[row.gateway] ?? row.gateway, quiet: true },
    { name: say('col.status'), cell: (row) => html`${chip('cr', row.status)}<small>${why(row) ?? row.issue_number ?? nothing}</small>` },
    { name: say('col.when'), cell: (row) => time(row.updated_at), quiet: true },
    { name: say('col.amount'), end: true, cell: (row) => money(row.amount, row.currency) },
  ], data.items, { href: (row) => `#/orders/${row.order_id}`, empty: say(Object.keys(filters).length ? 'console.none_filtered' : 'console.none') })}</section>${pager(data, filters, go)}`

const askAgain = (id) => ask({ title: say('cash.retry_title'), action: 'retry_cash_receipt', about: id, verb: () => say('cash.retry') })
const askCancel = (id) => ask({ title: say('cash.cancel_title'), text: say('cash.cancel_text'), action: 'cancel_cash_receipt', about: id, danger: true, verb: () => say('cash.cancel') })

/** On the page of its order. */
export function receiptCard(receipt, id) {
  if (!receipt) return nothing
  const write = (amount) => money(amount, receipt.currency)
  return html`<section class="card"><div class="title"><h2>${say('cash.title')}</h2>${chip('cr', receipt.status)}</div>
    ${facts([
      [say('cash.kind'), html`${said('cr', receipt.kind)} ${receipt.number ?? nothing}`],
      [say('cash.amount'), html`${write(receipt.amount)}${receipt.amount === receipt.wanted ? nothing : html` → ${write(receipt.wanted)}`}`],
      receipt.issue_number && [say('cash.number'), html`<span class="mono">${receipt.issue_number}</span>`],
      why(receipt) && [say('col.reason'), why(receipt)],
      receipt.next_try_at && [say('cash.next'), time(receipt.next_try_at)],
    ])}
    ${receipt.can_retry || receipt.can_cancel ? html`<div class="actions">
      ${receipt.can_retry ? html`<button type="button" class="main" @click=${() => askAgain(id)}>${say('cash.retry')}</button>` : nothing}
      ${receipt.can_cancel ? html`<button type="button" @click=${() => askCancel(id)}>${say('cash.cancel')}</button>` : nothing}
    </div>` : nothing}</section>`
}
