// What all elements share.

import { LitElement, unsafeCSS } from 'lit'
import { news } from '../client.js'
import base from '../styles/base.css'
import tokens from '../styles/tokens.css'

export class CoinslotElement extends LitElement {
  static styles = sheets()

  #connected = null

  connectedCallback() {
    super.connectedCallback()
    this.#connected = new AbortController()
    this.on(news, 'locale', () => this.requestUpdate())
    this.start()
  }

  disconnectedCallback() {
    super.disconnectedCallback()
    this.#connected.abort()
  }

  /** Aborted when the element leaves the page. */
  get signal() {
    return this.#connected.signal
  }

  on(target, types, listener, options) {
    for (const type of types.split(' ')) {
      target.addEventListener(type, listener, { ...options, signal: this.signal })
    }
  }

  /** Focuses what has that id, once it is there. */
  async focusOn(id) {
    await this.updateComplete
    this.renderRoot.querySelector(`#${id}`)?.focus()
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }))
  }
}

/** The sheets of an element: those of all, and its own. Constructed, they need no 'unsafe-inline'. */
export function sheets(...own) {
  return [tokens, base, ...own].map(unsafeCSS)
}
