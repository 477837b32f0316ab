// Promotions and their codes.

import { html, nothing } from 'lit'
import { list } from '../api.js'
import { ask } from '../dialog.js'
import { counted, heading, pager, table, time } from '../parts.js'
import { money, number, say } from '../words.js'

export async function load({ id, filters: { after } }) {
  if (!id) return list('promotions', {}, after)
  const [promotions, codes] = await Promise.all([list('promotions', {}, null, 100), list('codes', { promotion: id }, after)])
  return { promotion: promotions.items.find((each) => each.id === id), codes }
}

function effect({ kind, tokens, percent_off: percent, amounts_off: amounts }) {
  if (kind === 'tokens') return say('promo.tokens_off', { count: number(tokens) })
  if (kind === 'percent') return say('promo.percent', { count: number(percent) })
  const all = Object.entries(amounts ?? {}).map(([currency, amount]) => `−${money(amount, currency)}`)
  return all.join(' / ') || say('promo.amount')
}

const askPromotion = () => ask({
  title: say('promo.title'), action: 'set_promotion', subject: ({ id }) => id,
  fields: [
    { name: 'id', label: say('cat.id'), required: true },
    { name: 'kind', label: say('promo.kind'), options: [['percent', say('promo.percent_kind')], ['tokens', say('promo.tokens_kind')]], value: 'percent' },
    { name: 'value', label: say('promo.value'), type: 'number', min: 1, value: 10, required: true },
  ],
  facts: ({ kind, value }) => [[say('promo.kind'), effect({ kind, tokens: Number(value), percent_off: Number(value) })]],
  values: ({ kind, value }) => (kind === 'percent' ? { kind, percent_off: Math.trunc(Number(value)) } : { kind, tokens: Math.trunc(Number(value)) }),
  verb: () => say('promo.new'),
})

const askCode = (promotion) => ask({
  title: say('promo.code_title', { name: promotion.id }), action: 'set_code', subject: ({ code }) => code,
  fields: [
    { name: 'code', label: say('col.code'), required: true },
    { name: 'uses', label: say('promo.uses'), type: 'number', min: 1 },
  ],
  values: ({ uses }) => ({ promotion: promotion.id, ...(uses ? { max_uses: Math.trunc(Number(uses)) } : {}) }),
  verb: () => say('promo.code'),
})

const askActive = ({ id, active }) => ask({
  title: say(active ? 'promo.pause_title' : 'promo.resume_title', { name: id }), action: 'set_promotion', about: id,
  values: () => ({ active: !active }), verb: () => say(active ? 'promo.pause' : 'promo.resume'),
})

const state = ({ active }) => html`<span class="chip ${active ? 'good' : 'plain'}">${say(active ? 'promo.on' : 'promo.paused')}</span>`
const span = ({ starts_at: from, ends_at: to }) => (from || to ? html`${time(from)} – ${time(to)}` : '–')

export function view({ data, id, filters, go, me: { can } }) {
  if (!id) {
    return html`${heading(say('nav.codes'), can.set_promotion ? html`<button type="button" class="main" @click=${askPromotion}>${say('promo.new')}</button>` : nothing)}
      <section class="card flush">${table(say('nav.codes'), [
        { name: say('cat.id'), main: true, cell: (row) => html`<a href="#/codes/${row.id}">${row.id}</a>` },
        { name: say('col.effect'), cell: effect },
        { name: say('col.used'), end: true, cell: (row) => counted(row.uses) },
        { name: say('col.code'), end: true, cell: (row) => counted(row.codes), quiet: true },
        { name: say('col.valid'), cell: span, quiet: true },
        { name: say('col.active'), cell: state },
      ], data.items, { href: (row) => `#/codes/${row.id}`, empty: say('promo.empty') })}</section>${pager(data, filters, go)}`
  }
  const { promotion, codes } = data
  if (!promotion) return html`<p class="empty">${say('err.unknown_id')}</p>`
  return html`<nav class="crumbs"><a href="#/codes">${say('nav.codes')}</a> / <span>${id}</span></nav>
    ${heading(html`${effect(promotion)} ${state(promotion)}`, html`
      ${can.set_promotion ? html`<button type="button" @click=${() => askActive(promotion)}>${say(promotion.active ? 'promo.pause' : 'promo.resume')}</button>` : nothing}
      ${can.set_code ? html`<button type="button" class="main" @click=${() => askCode(promotion)}>${say('promo.code')}</button>` : nothing}`)}
    <section class="card flush"><div class="title"><h2>${say('promo.codes', { count: number(promotion.codes) })}</h2></div>${table(say('nav.codes'), [
      { name: say('col.code'), main: true, cell: (row) => html`<span class="mono">${row.code}</span>` },
      { name: say('col.used'), end: true, cell: (row) => number(row.used) },
      { name: say('col.limit'), end: true, cell: (row) => (row.max_uses == null ? '–' : number(row.max_uses)) },
      { name: say('col.active'), cell: state },
      { name: say('col.since'), cell: (row) => time(row.created_at), quiet: true },
    ], codes.items, { href: (row) => `#/orders?code=${row.code}` })}</section>${pager(codes, filters, go)}`
}
