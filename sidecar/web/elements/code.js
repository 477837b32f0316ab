// A code that makes an order cheaper, or gives tokens. What it does is asked of the database, for what is
// chosen, and again when something else is.

import { html, nothing } from 'lit'
import { config } from '../client.js'
import { fetchAhead } from '../loading.js'
import { t } from '../text.js'
import { given } from './words.js'

const nameOf = ({ productId, currency, quantity }) => [productId, currency, quantity].join(' ')

export class Code {
  text = ''
  open = false
  busy = false
  said = null // of the last one: `{text, good}`

  #host
  #terms = null // as they were answered last, of the code that is applied
  #asked = null // for which basket

  constructor(host) {
    this.#host = host
  }

  /** `{code, amount}` for this basket, null where there is none, or none is known yet. */
  of(basket) {
    return this.#terms && this.#asked === nameOf(basket) && !this.busy ? this.#terms : null
  }

  get applied() {
    return this.#terms?.code
  }

  apply(basket, gateway) {
    const code = this.text.trim()
    if (code && !this.busy) return this.#ask(code, basket, gateway)
    return undefined
  }

  /** Asks about the applied code again, where something else is chosen now. */
  follow(basket, gateway) {
    const known = !this.#terms || this.busy || this.#asked === nameOf(basket)
    return known ? undefined : this.#ask(this.applied, basket, gateway)
  }

  /** What was answered may have changed, or was for somebody else. */
  forget() {
    this.#asked = null
    this.#host.requestUpdate()
  }

  remove(said = null) {
    Object.assign(this, { text: '', said })
    this.#terms = null
    this.#host.requestUpdate()
  }

  async #ask(code, basket, gateway) {
    this.#asked = nameOf(basket)
    this.#turn({ busy: true, said: null })
    const file = await fetchAhead()
    const { terms = null, ...end } = file ? await file.tryCode(code, basket, gateway) : { said: { text: t('code.unknown') } }
    this.#terms = terms
    this.#turn({ busy: false, ...end })
  }

  #turn(change) {
    Object.assign(this, change)
    this.#host.requestUpdate()
  }
}

/** Folded, until somebody has one. */
export function codeField({ code, busy, onCode, onCodeOpen, onCodeText, onCodeGone }) {
  if (!config.takesCodes) return nothing
  if (!code.open) return html`<button type="button" class="link" @click=${onCodeOpen}>${t('code.have')}</button>`
  if (code.applied) {
    return html`<div class="one"><span>${line(code.applied)}</span>
      <button type="button" class="link" id="code-gone" @click=${onCodeGone}>${t('code.remove')}</button></div>`
  }
  return html`<form class="code" ?inert=${busy} @submit=${onCode} novalidate>
    <label for="code">${t('code.label')}</label>
    <div><input id="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="100" .value=${code.text}
      aria-describedby="code-said" @input=${onCodeText}>
    <button class="plain" aria-busy=${code.busy ? 'true' : 'false'}>${t('code.apply')}</button></div>
    <p id="code-said" role="status" class=${code.said?.good ? 'good' : 'error'}>${code.busy ? t('code.checking') : code.said?.text}</p>
  </form>`
}

/** Of what is applied. */
export const line = (code) => html`<span>${t('code.line')} ${given(code)}</span>`
