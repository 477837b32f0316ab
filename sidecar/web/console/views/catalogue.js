// What is sold and for how much.

import { html, nothing } from 'lit'
import { get } from '../api.js'
import { ask } from '../dialog.js'
import { facts, heading } from '../parts.js'
import { money, nameOf, number, say } from '../words.js'

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
    facts: (given) => Object.entries(pricesOf(given)).map(([currency, amount]) => [
      currency,
      product?.prices[currency] ? money(product.prices[currency], currency) : '–',
      money(amount, currency),
    ]),
    extra: (given) => {
      const prices = pricesOf(given)
      const warning = tokensOf(given) && dearer(products, product?.id ?? given.id, tokensOf(given), prices)
      return html`<div class="preview"><small>${say('cat.preview')}</small><p><b>${given.name_ko || given.name}</b> <b lang="en">${given.name}</b></p>
        <p>${Object.entries(prices).map(([currency, amount]) => html`${money(amount, currency)} ${tokensOf(given) ? html`<small>${say('cat.unit', { amount: money(Math.round(amount / tokensOf(given)), currency) })}</small>` : nothing} `)}</p>
        ${warning ? html`<p class="warning">${warning}</p>` : nothing}</div>`
    },
    values: (given) => ({
      name: given.name, name_ko: given.name_ko, tokens: tokensOf(given), prices: pricesOf(given),
      ...(tokensOf(given) ? { tokens_last_days: whole(given.days) ?? 0 } : {}),
      ...(product ? { expected: product.prices } : {}),
    }),
    verb: () => say('cat.save'),
  })
}

export function view({ data, me }) {
  const { can } = me
  return html`${heading(say('nav.catalogue'), can.set_product ? html`<button type="button" class="main" @click=${() => askProduct(data, me)}>${say('cat.new')}</button>` : nothing)}
    ${data.length ? html`<div class="cards">${data.map((product) => html`<section class="card product">
      <div class="title"><h2>${nameOf(product)}</h2>${product.active ? nothing : html`<span class="chip plain">${say('cat.off')}</span>`}</div>
      ${facts([
        [say('cat.id'), html`<span class="mono">${product.id}</span>`],
        [say('col.tokens'), number(product.tokens)],
        ...Object.entries(product.prices).map(([currency, amount]) => [currency, html`${money(amount, currency)} ${product.tokens ? html`<small>${say('cat.unit', { amount: money(Math.round(amount / product.tokens), currency) })}</small>` : nothing}`]),
        product.tokens_last_days && [say('cat.days'), number(product.tokens_last_days)],
      ])}
      <div class="actions">
        ${can.set_product ? html`<button type="button" @click=${() => askProduct(data, me, product)}>${say('cat.edit')}</button>` : nothing}
        ${can.remove_product && product.active ? html`<button type="button" class="plain" @click=${() => ask({ title: say('cat.archive_title', { name: nameOf(product) }), action: 'remove_product', about: product.id, danger: true, verb: () => say('cat.archive') })}>${say('cat.archive')}</button>` : nothing}
        ${can.void_orders ? html`<button type="button" class="plain" @click=${() => ask({ title: say('cat.void_title', { name: nameOf(product) }), text: say('cat.void_text'), action: 'void_orders', about: product.id, danger: true, verb: () => say('cat.void') })}>${say('cat.void')}</button>` : nothing}
      </div>
    </section>`)}</div>` : html`<section class="card"><p class="empty">${say('cat.empty')}</p></section>`}`
}
