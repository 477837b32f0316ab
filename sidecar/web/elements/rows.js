// The rows of a history.

import { html, nothing } from 'lit'
import { told } from '../gateways/declines.js'
import { day, locale, money, moment, nameOf, number, t, time, wayOf } from '../text.js'
import { listDocuments } from './documents.js'
import { icon } from './icons.js'
import { showReceipt } from './receipt.js'
import { given, supportAddress } from './words.js'

const FOLDED_FROM = 10
const PICTURES = {
  spend: ['', 'minus'],
  refund: ['warn', 'back'],
  dispute: ['warn', 'back'],
  signup_bonus: ['good', 'gift'],
  grant: ['good', 'gift'],
}
export const UNPAID = ['pending', 'failed', 'canceled', 'expired', 'voided']

const methodOf = ({ method }) => t(`method.${method}`)

function row({ tone = '', picture, title, notes, amount, note, more }) {
  const content = html`<span class="disc ${tone}">${icon(picture)}</span>
    <span class="what"><span class="title">${title}</span>
      <span class="quiet figure">${joined(notes)}</span></span>
    <span class="sum"><span class=${tone === 'good' ? 'amount figure gain' : 'amount figure'}>${amount}</span>
      <span class="quiet figure">${note}</span></span>`
  return more
    ? html`<li class="entry"><details @toggle=${listDocuments}><summary class="row">${content}</summary>${more}</details></li>`
    : html`<li class="entry"><div class="row">${content}</div></li>`
}

const joined = (notes) => notes.filter(Boolean).map((each, index) => (index ? html` · ${each}` : each))

export function ledgerRow(entry) {
  const { kind, delta, balance, feature, reason, created_at: at, payment } = entry
  const [tone, picture] = PICTURES[kind] ?? [delta > 0 ? 'good' : '', delta > 0 ? 'plus' : 'minus']
  const label = t(`kind.${kind}`) ?? kind
  const title = payment ? titleOf(kind, payment) : feature ? (t(`feature.${feature}`) ?? feature) : reason || label
  return row({
    tone,
    picture,
    title: given(title),
    notes: [time(at), ...moneyOf(kind, payment), !payment && title !== label && label],
    amount: number(delta, { signDisplay: 'always' }),
    note: t('history.balance', { count: number(balance) }),
    more: kind === 'purchase' && payment ? details(payment) : null,
  })
}

function titleOf(kind, payment) {
  const name = nameOf(payment)
  if (kind !== 'refund') return name
  return t(payment.status === 'refunded' ? 'history.refund_full' : 'history.refund_part', { name })
}

function moneyOf(kind, payment) {
  if (!payment) return []
  const { amount, refunded, currency } = payment
  const method = methodOf(payment)
  if (kind === 'purchase') {
    const returned = refunded > 0 && t('refunded_part', { amount: money(refunded, currency) })
    return [money(amount, currency), method, returned]
  }
  if (kind !== 'refund' || !(refunded > 0)) return [t(`kind.${kind}`)]
  return [t('history.refund_to', { amount: money(refunded, currency), method: wayOf(payment.method) })]
}

/** What a person may want to know of a payment, and whom to ask. */
function details({ order_id: order, amount, currency, ...payment }) {
  const support = supportAddress(order)
  const rows = [['paid', money(amount, currency)], ['method', methodOf(payment)], ['order', order]]
  return html`<dl class="facts">${rows.filter(([, value]) => value).map(([name, value]) => html`<div>
      <dt>${t(name)}</dt><dd class="figure">${value}</dd></div>`)}${['card', 'approval'].map((name) => html`<div data-of=${name} hidden>
      <dt>${t(name)}</dt><dd class="figure"></dd></div>`)}</dl>
    <coinslot-cash-receipt order=${order} method=${payment.method}></coinslot-cash-receipt>
    <p class="foot" data-order=${order}></p>
    <p class="foot"><button type="button" class="link"
        @click=${({ currentTarget }) => showReceipt(currentTarget, order)} .textContent=${t('receipt')}></button>
      ${support ? html`<a href=${support}>${t('history.help')}</a>` : nothing}</p>`
}

export function orderRow(order) {
  const { amount, currency, status, created_at: at, virtual_account: account } = order
  const unpaid = UNPAID.includes(status)
  const waiting = status === 'awaiting_deposit'
  const { bank, account_number: number, due_at: due } = (waiting && account) || {}
  const plain = waiting && !account ? '_plain' : ''
  return row({
    tone: unpaid ? 'void' : waiting ? 'warn' : 'good',
    picture: waiting ? 'clock' : unpaid ? 'minus' : 'receipt',
    title: given(nameOf(order)),
    notes: [time(at), number && `${bank ?? ''} ${number}`.trim(), due && t('history.until', { due: moment(due) }), methodOf(order), why(order)],
    amount: money(amount, currency),
    note: t(`status.${status}${plain}`) ?? status,
    more: unpaid || waiting ? null : details(order),
  })
}

const why = ({ status, failure_reason: reason }) => status === 'failed' && reason && given(told(reason, locale()))

/** By days, with the many spends of one feature on a day in one row that opens. */
export function dayRows(entries) {
  const days = grouped(entries, byDay)
  return [...days].map(([date, all]) => html`<li class="day">${date}</li>${folded(all)}`)
}

const byDay = (entry) => day(entry.created_at)

function grouped(entries, key) {
  const groups = new Map()
  for (const each of entries) {
    const name = key(each)
    if (groups.has(name)) groups.get(name).push(each)
    else groups.set(name, [each])
  }
  return groups
}

function folded(entries) {
  const spent = grouped(entries.filter(({ kind, feature }) => kind === 'spend' && feature), ({ feature }) => feature)
  const many = [...spent.values()].filter((each) => each.length >= FOLDED_FROM)
  const rest = entries.filter((each) => !many.some((group) => group.includes(each)))
  return [...rest.map((each) => (each.seq ? ledgerRow(each) : orderRow(each))), ...many.map(manyRow)]
}

function manyRow(entries) {
  const [{ feature, created_at: at, balance }] = entries
  const delta = entries.reduce((sum, each) => sum + each.delta, 0)
  return row({
    picture: 'minus',
    title: t('history.folded', { feature: t(`feature.${feature}`) ?? feature, count: number(entries.length) }),
    notes: [time(at)],
    amount: number(delta, { signDisplay: 'always' }),
    note: t('history.balance', { count: number(balance) }),
    more: html`<ol>${entries.map(ledgerRow)}</ol>`,
  })
}
