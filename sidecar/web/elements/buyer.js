// What a payment company wants to know of a buyer: asked for where it does, handed to its window,
// kept nowhere.

import { html, nothing } from 'lit'
import { config } from '../client.js'
import { t } from '../text.js'

const FIELDS = {
  name: { type: 'text', autocomplete: 'name' },
  phone: { type: 'tel', autocomplete: 'tel' },
  email: { type: 'email', autocomplete: 'email' },
}

const wanted = (method) => (config.gateways[method?.gateway]?.buyer ?? []).filter((name) => name in FIELDS)

export const lacking = (method, buyer) => wanted(method).find((name) => !buyer[name]?.trim())

export function buyerFields({ method, buyer, busy, onBuyer }) {
  const names = wanted(method)
  return names.length
    ? html`<div class="buyer" ?inert=${busy}>${names.map((name) => html`<label><span>${t(`buyer.${name}`)}</span>
        <input id="buyer-${name}" type=${FIELDS[name].type} autocomplete=${FIELDS[name].autocomplete} required
          .value=${buyer[name] ?? ''} @input=${(event) => onBuyer({ [name]: event.target.value })}></label>`)}</div>`
    : nothing
}
