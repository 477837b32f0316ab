// What is sold and for how much.

import { html, nothing } from 'lit'
import { get } from '../api.js'
import { ask } from '../dialog.js'
import { facts, heading } from '../parts.js'
import { catalogueAt, discountOf, pricesAt } from '../prices.js'
import { exact, money, nameOf, number, say, zone } from '../words.js'

export const load = () => get('catalogue')

const currenciesOf = (me, product) => [...new Set([...Object.keys(product?.prices ?? {}), ...me.currencies, 'KRW'])]
const whole = (value) => (String(value).trim() === '' ? undefined : Math.trunc(Number(value)))

/** A larger pack of which a token costs more than of a smaller one. */
function dearer(products, id, tokens, prices) {
  for (const [currency, amount] of Object.entries(prices)) {
    const other = products.find((each) => each.active && each.id !== id && each.tokens && each.tokens < tokens && each.prices[currency] && amount / tokens > each.prices[currency] / each.tokens)
    if (other) return say('cat.dearer', { other: nameOf(other) })
  }
  return null
}

/** What a token of it costs, and the badge of its discount. */
const each = (products, product, currency, at) => {
  if (!product.tokens) return nothing
  const percent = discountOf(products, product, currency, at)
  return html`<small>${say('cat.unit', { amount: money(Math.round(product.prices[currency] / product.tokens), currency) })}</small>${percent
    ? html` <span class="chip info">${say('cat.saves', { percent: number(percent) })}</span>` : nothing}`
}

/** As buyers will see it: its names, its prices, what a token costs and what is saved; `products` are all, this one as it will be. */
const preview = (products, product, warning, at) => html`<div class="preview"><small>${say('cat.preview')}</small><p><b>${product.name_ko || product.name}</b> <b lang="en">${product.name}</b></p>
  ${Object.entries(product.prices).map(([currency, amount]) => html`<p>${money(amount, currency)} ${each(products, product, currency, at)}</p>`)}
  ${warning ? html`<p class="warning">${warning}</p>` : nothing}</div>`

const replaced = (products, product) => [...products.filter(({ id }) => id !== product.id), product]

/** The next midnight where the operator is, as the field has it. */
function tomorrow() {
  const date = new Date()
  date.setDate(date.getDate() + 1)
  return `${new Intl.DateTimeFormat('en-CA').format(date)}T00:00`
}

function askPlan(products, product) {
  const first = Object.keys(product.prices)[0]
  const startOf = ({ starts }) => Date.parse(starts)
  const before = (given) => pricesAt(product, startOf(given) - 1)[given.currency]
  const after = (given) => ({ ...pricesAt(product, startOf(given)), ...(whole(given.amount) > 0 ? { [given.currency]: whole(given.amount) } : {}) })
  ask({
    title: say('cat.plan_title', { name: nameOf(product) }), text: say('cat.plan_text'), action: 'plan_price', about: product.id,
    fields: [
      { name: 'currency', label: say('filter.currency'), options: Object.keys(product.prices).map((each) => [each, each]), value: first },
      { name: 'amount', label: say('cat.plan_amount'), type: 'number', min: 1, required: true },
      { name: 'starts', label: say('cat.plan_from', { zone: zone() }), type: 'datetime-local', value: tomorrow(), required: true },
    ],
    facts: (given) => (whole(given.amount) > 0 && startOf(given) ? [
      [exact(new Date(startOf(given)).toISOString()), money(before(given), given.currency), money(whole(given.amount), given.currency)],
    ] : []),
    extra: (given) => {
      const planned = { ...product, prices: after(given) }
      const then = replaced(catalogueAt(products, startOf(given)), planned)
      return preview(then, planned, product.tokens && dearer(then, product.id, product.tokens, planned.prices), startOf(given))
    },
    values: (given) => ({ currency: given.currency, amount: whole(given.amount), starts_at: new Date(startOf(given)).toISOString(), expected: before(given) }),
    verb: () => say('cat.plan_do'),
  })
}

const askUnplan = (product, { currency, starts_at: starts, amount, from }) => ask({
  title: say('cat.unplan_title', { name: nameOf(product) }), action: 'unplan_price', about: product.id,
  facts: () => [[exact(starts), money(amount, currency), money(from, currency)]],
  values: () => ({ currency, starts_at: starts }), verb: () => say('cat.unplan'),
})

/** What began as it was planned, and by whom: nobody acts at that moment. */
const begun = (product) => product.begun.map((each) => [html`<time datetime=${each.starts_at}>${exact(each.starts_at)}</time>`, html`<span class="unseen">${say('ask.before_after', { before: money(each.from, each.currency), after: money(each.amount, each.currency) })}</span><span aria-hidden="true">${money(each.from, each.currency)} → <b>${money(each.amount, each.currency)}</b></span>
  ${each.planned_by ? html` <small>${say('cat.planned_by', { who: each.planned_by })}</small>` : nothing}`])

const planned = (product, may) => product.planned.map((each) => [html`<time datetime=${each.starts_at}>${exact(each.starts_at)}</time>`, html`<span class="unseen">${say('ask.before_after', { before: money(each.from, each.currency), after: money(each.amount, each.currency) })}</span><span aria-hidden="true">${money(each.from, each.currency)} → <b>${money(each.amount, each.currency)}</b></span>
  ${may ? html` <button type="button" class="plain small" aria-label=${`${say('cat.unplan')}: ${nameOf(product)}, ${exact(each.starts_at)}`} @click=${() => askUnplan(product, each)}>${say('cat.unplan')}</button>` : nothing}`])

function askProduct(products, me, product) {
  const currencies = currenciesOf(me, product)
  const pricesOf = (given) => Object.fromEntries(currencies.map((each) => [each, whole(given[each])]).filter(([, amount]) => amount !== undefined && amount > 0))
  const tokensOf = (given) => whole(given.tokens) ?? 0
  ask({
    title: product ? say('cat.title', { name: nameOf(product) }) : say('cat.new_title'),
    text: say('cat.effect'),
    action: 'set_product',
    subject: (given) => product?.id ?? given.id,
    fields: [
      ...(product ? [] : [{ name: 'id', label: say('cat.id'), required: true }]),
      { name: 'name', label: say('cat.name'), value: product?.name, required: true },
      { name: 'name_ko', label: say('cat.name_ko'), value: product?.name_ko, required: true },
      { name: 'tokens', label: say('cat.tokens'), type: 'number', min: 0, value: product?.tokens ?? 10, required: true },
      { name: 'days', label: say('cat.days'), type: 'number', min: 0, value: product?.tokens_last_days ?? 0 },
      ...currencies.map((each) => ({ name: each, label: say('cat.price', { currency: each }), type: 'number', min: 1, value: product?.prices[each] ?? '' })),
    ],
    // A price that is emptied is one that there is no longer.
    facts: (given) => {
      const [before, after] = [product?.prices ?? {}, pricesOf(given)]
      const write = (prices, currency) => (prices[currency] ? money(prices[currency], currency) : '–')
      return [
        ...['name', 'name_ko'].filter((name) => product && product[name] !== given[name]).map((name) => [say(`cat.${name}`), product[name], given[name]]),
        ...(product ? [[say('cat.tokens'), number(product.tokens), number(tokensOf(given))]] : []),
        ...(product && tokensOf(given) ? [[say('cat.days'), number(product.tokens_last_days ?? 0), number(whole(given.days) ?? 0)]] : []),
        ...currencies.filter((each) => before[each] || after[each]).map((each) => [each, write(before, each), write(after, each)]),
      ]
    },
    extra: (given) => {
      const changed = { id: product?.id ?? given.id, name: given.name, name_ko: given.name_ko, active: true, tokens: tokensOf(given), tokens_end_at: product?.tokens_end_at, prices: pricesOf(given) }
      const warning = changed.tokens && dearer(products, changed.id, changed.tokens, changed.prices)
      return preview(replaced(products, changed), changed, warning)
    },
    values: (given) => ({
      name: given.name, name_ko: given.name_ko, tokens: tokensOf(given), prices: pricesOf(given),
      ...(tokensOf(given) ? { tokens_last_days: whole(given.days) ?? 0 } : {}),
      ...(product ? { expected: product.prices } : {}),
    }),
    verb: () => say('cat.save'),
  })
}

/** The prices of another time, which buyers see then. */
const asOf = (at, go) => html`<form class="filters" @submit=${(event) => event.preventDefault()}><label class=${at ? 'set' : ''}><span>${say('cat.as_of', { zone: zone() })}</span>
  <input type="datetime-local" name="at" .value=${at ?? ''} @change=${({ target }) => go({ at: target.value || undefined })}></label></form>`

export function view({ data, me, filters, go }) {
  const { can } = me
  const at = Date.parse(filters.at) || null
  const then = catalogueAt(data, at ?? Date.now())
  return html`${heading(say('nav.catalogue'), can.set_product ? html`<button type="button" class="main" @click=${() => askProduct(data, me)}>${say('cat.new')}</button>` : nothing)}
    ${data.some((each) => each.planned.length) ? asOf(filters.at, go) : nothing}
    ${data.length ? html`<div class="cards">${data.map((product, place) => html`<section class="card product">
      <div class="title"><h2>${nameOf(product)}</h2>${product.active ? nothing : html`<span class="chip plain">${say('cat.off')}</span>`}</div>
      ${facts([
        [say('cat.id'), html`<span class="mono">${product.id}</span>`],
        [say('col.tokens'), number(product.tokens)],
        ...Object.entries(then[place].prices).map(([currency, amount]) => [currency, html`${money(amount, currency)} ${each(then, then[place], currency, at ?? Date.now())}`]),
        product.tokens_last_days && [say('cat.days'), number(product.tokens_last_days)],
      ])}
      ${product.planned.length ? html`<h3>${say('cat.planned')}</h3>${facts(planned(product, can.plan_price))}` : nothing}
      ${product.begun.length ? html`<h3>${say('cat.begun')}</h3>${facts(begun(product))}` : nothing}
      <p><a href="#/log?subject=${product.id}" aria-label=${`${say('cat.history')}: ${nameOf(product)}`}>${say('cat.history')}</a></p>
      <div class="actions">
        ${can.set_product ? html`<button type="button" @click=${() => askProduct(data, me, product)}>${say('cat.edit')}</button>` : nothing}
        ${can.plan_price && product.active && Object.keys(product.prices).length ? html`<button type="button" @click=${() => askPlan(data, product)}>${say('cat.plan')}</button>` : nothing}
        ${can.remove_product && product.active ? html`<button type="button" class="plain" @click=${() => ask({ title: say('cat.archive_title', { name: nameOf(product) }), text: say('cat.archive_text'), action: 'remove_product', about: product.id, danger: true, verb: () => say('cat.archive') })}>${say('cat.archive')}</button>` : nothing}
        ${can.void_orders ? html`<button type="button" class="plain" @click=${() => ask({ title: say('cat.void_title', { name: nameOf(product) }), text: say('cat.void_text'), action: 'void_orders', about: product.id, danger: true, verb: () => say('cat.void') })}>${say('cat.void')}</button>` : nothing}
      </div>
    </section>`)}</div>` : html`<section class="card"><p class="empty">${say('cat.empty')}</p></section>`}`
}
