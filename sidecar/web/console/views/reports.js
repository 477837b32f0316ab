// Figures with what they mean, as a chart, a table and a file.

import { html, nothing } from 'lit'
import { exported, report } from '../api.js'
import { bars } from '../charts.js'
import { ask } from '../dialog.js'
import { heading, nameOfMethod } from '../parts.js'
import { day, exact, money, number, said, say, zone } from '../words.js'

const REPORTS = ['sales', 'methods', 'products', 'funnel', 'declines', 'tokens', 'liability', 'recurring', 'churn', 'vat', 'settlement']
const COLUMNS = {
  sales: ['day', 'currency', 'payments', 'paid', 'refunded', 'withdrawn', 'net', 'of_earlier'],
  methods: ['day', 'label', 'currency', 'payments', 'paid', 'refunded', 'withdrawn', 'net'],
  products: ['day', 'label', 'currency', 'payments', 'paid', 'refunded', 'withdrawn', 'net'],
  funnel: ['day', 'gateway', 'label', 'currency', 'orders', 'opened', 'declined', 'paid', 'first_try', 'recovered', 'success_percent'],
  declines: ['day', 'gateway', 'method', 'label', 'attempts'],
  tokens: ['day', 'opening', 'sold', 'given', 'spent', 'expired', 'taken_back', 'adjusted', 'other_mode', 'corrections', 'outstanding'],
  liability: ['day', 'currency', 'opening', 'sold', 'recognised', 'breakage', 'refunded', 'corrections', 'closing', 'closing_tokens'],
  recurring: ['day', 'currency', 'opening', 'new', 'reactivation', 'expansion', 'contraction', 'churn', 'closing', 'subscriptions', 'started', 'ended', 'churn_percent', 'net_churn_percent', 'lost_percent'],
  churn: ['day', 'label', 'plan', 'currency', 'ended', 'churn'],
  vat: ['day', 'currency', 'payments', 'net', 'supply', 'vat'],
  settlement: ['day', 'gateway', 'currency', 'payments', 'matched', 'differing', 'their_paid', 'our_paid', 'their_refunded', 'our_refunded', 'checked_at'],
}
/** Columns of money, but for reports that count tokens or orders. */
const MONEY = ['paid', 'refunded', 'withdrawn', 'net', 'of_earlier', 'supply', 'vat', 'opening', 'sold', 'recognised', 'breakage', 'corrections', 'closing', 'new', 'reactivation', 'expansion', 'contraction', 'churn', 'their_paid', 'our_paid', 'their_refunded', 'our_refunded']
/** The columns that a chart shows: above the line, and below. */
const DRAWN = { sales: ['paid', 'refunded'], tokens: ['sold', 'spent'], liability: ['sold', 'recognised'], funnel: ['paid', 'declined'], recurring: ['closing', 'churn'], churn: [null, 'churn'], vat: ['net', null] }
const ZONES = ['Asia/Seoul', 'UTC', 'Asia/Tokyo', 'Europe/Berlin', 'America/New_York', 'America/Los_Angeles', 'Asia/Kolkata']
const STEPS = ['day', 'week', 'month', 'all']

const chosen = (id, filters) => ({
  name: REPORTS.includes(id) ? id : 'sales',
  options: {
    from: filters.from ?? day(29), to: filters.to ?? day(), zone: filters.zone ?? zone(), step: filters.step ?? 'day',
    ...(filters.currency ? { currency: filters.currency } : {}),
  },
})

export async function load({ id, filters }) {
  const { name, options } = chosen(id, filters)
  return report(name, options)
}

function cell(name, row, id, me) {
  const value = row[name]
  if (value == null) return '–'
  if (name === 'checked_at') return exact(value)
  if (id === 'churn' && name === 'label') return said('er', value)
  if (name === 'label') return id === 'funnel' || id === 'methods' ? nameOfMethod(value) : value
  if (name === 'method') return nameOfMethod(value)
  if (name === 'gateway') return me.gateways[value] ?? value
  if (MONEY.includes(name) && row.currency && id !== 'tokens' && id !== 'funnel') return money(value, row.currency)
  return typeof value === 'number' ? number(value) : value
}

const TEXTS = ['day', 'label', 'plan', 'currency', 'gateway', 'method', 'checked_at']

async function save(name, options, reason, format) {
  const text = await exported(name, options, reason, format)
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: format === 'csv' ? 'text/csv;charset=utf-8' : 'application/x-ndjson' }))
  link.download = `${name}-${options.from}-${options.to}.${format}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

const askExport = (name, options, format) => ask({
  title: say('rep.export_title'), text: say('rep.export_text'), reasons: false,
  facts: () => [[say(`rep.${name}`), `${options.from} – ${options.to}, ${options.zone}`]],
  run: (_, reason) => save(name, options, reason, format), verb: () => say('rep.export_do'),
})

/** One day may have rows of several kinds; those of other currencies are not drawn. */
function points(name, rows) {
  const drawn = DRAWN[name]
  if (!drawn) return null
  const currency = rows[0]?.currency
  const days = new Map()
  for (const row of rows.filter((each) => each.currency === currency)) {
    const { above = 0, below = 0 } = days.get(row.day) ?? {}
    days.set(row.day, { day: row.day, above: above + (drawn[0] ? Math.max(0, row[drawn[0]]) : 0), below: below + (drawn[1] ? Math.max(0, row[drawn[1]]) : 0) })
  }
  const write = (value) => (currency && !['tokens', 'funnel'].includes(name) ? money(value, currency) : number(value))
  return { all: [...days.values()], write, names: [drawn[0] ? say(`rc.${drawn[0]}`) : '', drawn[1] ? say(`rc.${drawn[1]}`) : ''] }
}

export function view({ data, id, filters, go, me }) {
  const { name, options } = chosen(id, filters)
  const columns = COLUMNS[name]
  const drawn = points(name, data.rows)
  const set = (field) => ({ target }) => go({ [field]: target.value || undefined })
  const choose = (field, label, pairs, value) => html`<label><span>${label}</span><select name=${field} @change=${set(field)}>${pairs.map(([each, word]) => html`<option value=${each} ?selected=${each === value}>${word}</option>`)}</select></label>`
  return html`${heading(say(`rep.${name}`), me.can.export ? html`
      <button type="button" @click=${() => askExport(name, options, 'csv')}>${say('rep.csv')}</button>
      <button type="button" class="plain" @click=${() => askExport(name, options, 'jsonl')}>${say('rep.jsonl')}</button>` : nothing)}
    <nav class="tabs" aria-label=${say('nav.reports')}>${REPORTS.map((each) => html`<a href="#/reports/${each}${location.hash.replace(/^[^?]*/, '')}" aria-current=${each === name ? 'page' : nothing}>${say(`rep.${each}`)}</a>`)}</nav>
    <form class="filters" @submit=${(event) => event.preventDefault()}>
      <label><span>${say('rep.from')}</span><input type="date" name="from" .value=${options.from} @change=${set('from')}></label>
      <label><span>${say('rep.to')}</span><input type="date" name="to" .value=${options.to} @change=${set('to')}></label>
      ${choose('step', say('rep.step'), STEPS.map((each) => [each, say(`rep.step.${each}`)]), options.step)}
      ${choose('zone', say('rep.zone'), [...new Set([options.zone, ...ZONES])].map((each) => [each, each]), options.zone)}
      ${choose('currency', say('rep.currency'), [['', say('console.all')], ...me.currencies.map((each) => [each, each])], options.currency ?? '')}
    </form>
    ${data.complete ? nothing : html`<p class="notice">${say('rep.incomplete', { time: exact(data.complete_to) })}</p>`}
    ${drawn?.all.length > 1 ? html`<section class="card"><div class="title"><h2>${say(`rep.${name}`)}</h2><p class="legend"><i></i>${drawn.names[0]} ${drawn.names[1] ? html`<i class="back"></i>${drawn.names[1]}` : nothing}</p></div>${bars(say(`rep.${name}`), drawn.all, drawn)}</section>` : nothing}
    <section class="card flush">${data.rows.length ? html`<div class="scroll" tabindex="0" role="group" aria-label=${say(`rep.${name}`)}><table class="figures-table"><caption class="unseen">${say(`rep.${name}`)}</caption>
      <thead><tr>${columns.map((each) => html`<th scope="col" class=${TEXTS.includes(each) ? '' : 'end'}>${said('rc', each)}</th>`)}</tr></thead>
      <tbody>${data.rows.map((row) => html`<tr>${columns.map((each) => html`<td class=${TEXTS.includes(each) ? '' : 'end'}>${cell(each, row, name, me)}</td>`)}</tr>`)}</tbody>
    </table></div>` : html`<p class="empty">${say('chart.none')}</p>`}</section>
    <details class="tabled"><summary>${say('rep.definition')}</summary><p lang="en">${data.definition}</p></details>`
}
