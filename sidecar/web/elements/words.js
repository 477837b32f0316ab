// Texts with something in them that is no text.

import { html, nothing } from 'lit'
import { config } from '../client.js'
import { lastDay, number, t } from '../text.js'

/** Somebody else's text: it keeps its own direction, and its length off the layout. */
export const given = (text) => html`<bdi title=${text}>${text}</bdi>`

/** Only what is meant to be opened. */
export const address = (value) => (/^(https:|mailto:|tel:|http:\/\/(localhost|127\.)|\/(?!\/))/.test(value ?? '') ? value : null)

export const link = (name, text) => {
  const href = address(config.links?.[name])
  return href ? html`<a href=${href} target="_blank" rel="noopener">${text}</a>` : text
}

/** A text in whose `[brackets]` the links of those names stand, one after the other. */
function linked(name, links) {
  let turn = 0
  return t(name).split(/[[\]]/).map((part, index) => (index % 2 ? link(links[turn++], part) : part))
}

/** What people agree to by paying: the shop's terms, where it has any, and how long the tokens last. */
export function consent({ tokens_last_days: last, tokens_end_at: end }) {
  const { terms, refunds } = config.links ?? {}
  const said = [
    (terms || refunds) && linked('store.terms', ['terms', 'refunds']),
    last && t('store.last_days', { days: number(last) }),
    end && t('store.end_at', { date: lastDay(end) }),
    config.refundDays && t('store.refundable', { days: config.refundDays }),
  ].filter(Boolean)
  return said.length ? html`<p class="terms">${said.map((each) => html`${each} `)}</p>` : nothing
}

/** Where a person writes to, about an order. */
export function supportAddress(orderId) {
  const href = address(config.links?.support)
  return href?.startsWith('mailto:') && orderId ? `${href}?subject=${encodeURIComponent(orderId)}` : href
}
