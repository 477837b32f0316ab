// Parts that pages of the console are made of.

import { html, nothing, svg } from 'lit'
import { t } from '../text.js'
import { exact, money, number, said, say, when } from './words.js'

const PATHS = {
  overview: svg`<path d="M4 11 12 4l8 7v9h-5.5v-5h-5v5H4z"/>`,
  orders: svg`<path d="M8 6.5h12M8 12h12M8 17.5h12M4 6.5h.1M4 12h.1M4 17.5h.1"/>`,
  customers: svg`<circle cx="9" cy="8.5" r="3.5"/><path d="M3 19.5a6 6 0 0 1 12 0M15.5 5.4a3.5 3.5 0 0 1 0 6.2M17.5 14.2a6 6 0 0 1 3.5 5.3"/>`,
  review: svg`<path d="M6 20.5V4.25h11.5L15.2 8.5l2.3 4.25H6"/>`,
  refunds: svg`<path d="M8.5 4.75 4.25 9l4.25 4.25M4.5 9h10a5.25 5.25 0 0 1 0 10.5H11"/>`,
  receipts: svg`<path d="M6 3.75h12v16.5l-3-1.75-3 1.75-3-1.75-3 1.75zM9 8.5h6M9 12h6"/>`,
  subscriptions: svg`<path d="M19.5 9A8 8 0 0 0 5.2 7.6M4.5 4v4h4M4.5 15a8 8 0 0 0 14.3 1.4M19.5 20v-4h-4"/>`,
  events: svg`<path d="M4 12h15M13.5 6.5 19 12l-5.5 5.5M4 6v12"/>`,
  catalogue: svg`<path d="M4 4.5h7.5l8.5 8.5-7 7-9-9zM8.2 8.6h.1"/>`,
  codes: svg`<path d="m6 18 12-12"/><circle cx="7.5" cy="7.5" r="2.25"/><circle cx="16.5" cy="16.5" r="2.25"/>`,
  webhooks: svg`<path d="M9.5 9.5 6 16M14.5 9.5 18 16M8.5 17.5h7"/><circle cx="12" cy="7" r="2.5"/><circle cx="6" cy="17.5" r="2.25"/><circle cx="18" cy="17.5" r="2.25"/>`,
  reports: svg`<path d="M4.5 19.5h15M7 16v-5M12 16V6.5M17 16v-8"/>`,
  exports: svg`<path d="M12 4v10.5M7.5 10.5 12 15l4.5-4.5M5 19.5h14"/>`,
  settings: svg`<path d="M4 7h9m5 0h2M4 12h2m5 0h9M4 17h9m5 0h2"/><circle cx="15.5" cy="7" r="2.25"/><circle cx="8.5" cy="12" r="2.25"/><circle cx="15.5" cy="17" r="2.25"/>`,
  team: svg`<circle cx="12" cy="8" r="3.5"/><path d="M5.5 19.5a6.6 6.6 0 0 1 13 0"/>`,
  log: svg`<path d="M6 3.75h12v16.5H6zM9 8.25h6M9 12h6M9 15.75h4"/>`,
  search: svg`<circle cx="10.75" cy="10.75" r="6"/><path d="m15.5 15.5 4.25 4.25"/>`,
  menu: svg`<path d="M4 7h16M4 12h16M4 17h16"/>`,
  check: svg`<path d="m5 12.5 4.6 4.5L19 7.5"/>`,
  cross: svg`<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>`,
  plus: svg`<path d="M12 5.5v13M5.5 12h13"/>`,
  note: svg`<path d="M5 5h14v10l-4 4H5zM15 19v-4h4"/>`,
  warning: svg`<path d="M12 4 2.75 19.5h18.5zM12 10v4.5M12 16.9v.1"/>`,
}

export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${PATHS[name]}</svg>`

const TONES = {
  good: ['completed', 'succeeded', 'credited', 'on', 'paid', 'applied', 'moved', 'restored', 'active', 'delivered', 'issued'],
  warn: ['partially_refunded', 'review', 'pending_refund', 'not_yet', 'disputed', 'reversed', 'requested', 'past_due', 'paused', 'parked', 'due', 'soft', 'authentication'],
  bad: ['failed', 'charged_back', 'refused', 'unknown_order', 'duplicate', 'missed', 'hard', 'given_up'],
  info: ['awaiting_deposit', 'received', 'pending', 'open', 'incomplete', 'in_progress'],
}
const toneOf = (status) => Object.keys(TONES).find((tone) => TONES[tone].includes(status)) ?? 'plain'

/** A word in its colour; the word says it all. */
export const chip = (family, status) => html`<span class="chip ${toneOf(status)}">${said(family, status)}</span>`

export const time = (iso) => (iso ? html`<time datetime=${iso} title=${exact(iso)}>${when(iso)}</time>` : '–')
export const orderLink = (id) => (id ? html`<a class="mono" href="#/orders/${id}">${id.slice(0, 18)}…</a>` : '–')
export const customerLink = (id, email) => (id ? html`<a href="#/customers/${id}"><bdi>${email ?? id.slice(0, 8)}</bdi></a>` : '–')
export const nameOfMethod = (method) => (method ? t(`method.${method}`) ?? method : say('mt.none'))

/** A table on wide screens and lines of two rows on narrow ones. A column: {name, cell, end, main}. */
export function table(caption, columns, rows, { href, empty = say('console.none') } = {}) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`
  const classes = ({ end, main, quiet, wide }) => [end && 'end', main && 'primary', quiet && 'quiet', wide && 'wide'].filter(Boolean).join(' ')
  return html`<div class="scroll"><table>
    <caption class="unseen">${caption}</caption>
    <thead><tr>${columns.map((each) => html`<th scope="col" class=${classes(each)}>${each.name}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr class=${href ? 'opens' : ''} data-href=${href ? href(row) : nothing}>
      ${columns.map((each) => html`<td class=${classes(each)} data-name=${each.name}>${each.cell(row)}</td>`)}
    </tr>`)}</tbody>
  </table></div>`
}

/** Where a list goes on. */
export const pager = (page, filters, go) => {
  if (!page.next && !filters.after) return nothing
  return html`<div class="pager">
    ${filters.after ? html`<button type="button" class="small" @click=${() => go({ after: undefined })}>${say('console.newest')}</button>` : nothing}
    ${page.next ? html`<button type="button" class="small" @click=${() => go({ after: page.next })}>${say('console.more')}</button>` : nothing}
  </div>`
}

/** Filters of a list: {name, label, options: [[value, word]], type}. They stand in the address. */
export function filterBar(fields, chosen, go) {
  const set = fields.some(({ name }) => chosen[name])
  const changed = (name) => ({ target }) => go({ [name]: target.value || undefined, after: undefined })
  return html`<form class="filters" aria-label=${say('filter.label')} @submit=${(event) => event.preventDefault()}>
    ${fields.map(({ name, label, options, type, all }) => html`<label class=${chosen[name] ? 'set' : ''}><span>${label}</span>
      ${options
        ? html`<select name=${name} @change=${changed(name)}>
            <option value="">${all ?? say('console.all')}</option>
            ${options.map(([value, word]) => html`<option value=${value} ?selected=${chosen[name] === value}>${word}</option>`)}
          </select>`
        : html`<input name=${name} type=${type ?? 'text'} .value=${chosen[name] ?? ''} @change=${changed(name)}>`}
    </label>`)}
    ${set ? html`<button type="button" class="plain small" @click=${() => go(Object.fromEntries([...fields.map(({ name }) => [name, undefined]), ['after', undefined]]))}>${say('console.clear')}</button>` : nothing}
  </form>`
}

export const facts = (pairs) => html`<dl class="facts">${pairs.filter(Boolean).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`

export const figure = (name, value, sub = nothing, help = nothing) => html`<div class="card figure" title=${help}>
  <p class="name">${name}</p><p class="big">${value}</p>${sub === nothing ? nothing : html`<p class="sub">${sub}</p>`}
</div>`

export const heading = (title, actions = nothing) => html`<div class="heading"><h1 tabindex="-1">${title}</h1><div class="actions">${actions}</div></div>`

export const amounts = (row) => html`<span>${money(row.amount, row.currency)}</span>${row.refunded || row.withdrawn
  ? html`<small>−${money(row.refunded + row.withdrawn, row.currency)}</small>` : nothing}`

export const signed = (value) => html`<span class=${value < 0 ? 'minus' : 'plus'}>${value > 0 ? '+' : value < 0 ? '−' : ''}${number(Math.abs(value))}</span>`

/** Counts of the database end at 1,001, which is more than 1,000. */
export const counted = (count) => (count > 1000 ? `${number(1000)}+` : number(count))
