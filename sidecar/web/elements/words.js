// Texts with something in them that is no text.

import { html, nothing } from 'lit'
import { config } from '../client.js'
import { t } from '../text.js'

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

/** By paying people agree to the shop's terms: said where it has any. */
export function consent() {
  const { terms, refunds } = config.links ?? {}
  const agreed = (terms || refunds) && html`${linked('store.terms', ['terms', 'refunds'])} `
  const days = config.refundDays
  return agreed || days
    ? html`<p class="terms">${agreed || nothing}${days ? t('store.refundable', { days }) : nothing}</p>`
    : nothing
}

/** Where a person writes to, about an order. */
export function supportAddress(orderId) {
  const href = address(config.links?.support)
  return href?.startsWith('mailto:') && orderId ? `${href}?subject=${encodeURIComponent(orderId)}` : href
}
