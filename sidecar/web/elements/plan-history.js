// What was paid and changed, a line each.

import { html, nothing } from 'lit'
import { DECLINES } from '../gateways/declines.js'
import { locale, money, moment, t } from '../text.js'
import { icon } from './icons.js'
import { showReceipt } from './receipt.js'

const PAID = ['started', 'renewed', 'recovered', 'resumed', 'upgraded', 'paid_late']
const SILENT = ['upgrading'] // its end has a line of its own

/** `events` is null while they are read, false where they could not be. */
export function planHistory({ events, onOpen }) {
  return html`<details class="past" @toggle=${({ target }) => target.open && onOpen()}>
    <summary>${t('plan.history')}${icon('chevron')}</summary>
    ${list(events)}
  </details>`
}

function list(events) {
  if (!events) return html`<p class="quiet" role="status">${t(events === false ? 'history.failed' : 'history.loading')}</p>`
  const shown = events.filter(({ event }) => !SILENT.includes(event))
  return shown.length ? html`<ol>${shown.map(line)}</ol>` : html`<p class="quiet">${t('plan.history_empty')}</p>`
}

function line({ event, detail, created_at: at, payment }) {
  const paid = PAID.includes(event) && payment
  const why = /declined$/.test(event) && DECLINES[detail.reason]?.[locale()]
  return html`<li><div><span>${t(`plan.event_${event}`) ?? event}</span>
      <span class="quiet figure">${moment(at)}${why ? html` · ${why}` : nothing}</span></div>
    ${paid ? html`<div class="sum"><span class="figure">${money(payment.amount, payment.currency)}</span>
      ${payment.status === 'completed' ? nothing : html`<span class="quiet">${t(`status.${payment.status}`)}</span>`}
      <button type="button" class="link" @click=${(press) => showReceipt(press.currentTarget, payment.order_id)}>${t('receipt')}</button></div>` : nothing}</li>`
}
