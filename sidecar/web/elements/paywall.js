import { html, nothing } from 'lit'
import { balance, refreshBalance } from '../balance.js'
import { newKey, news } from '../client.js'
import { keep, kept } from '../orders.js'
import css from '../styles/paywall.css'
import { number, t, tokens } from '../text.js'
import { CoinslotElement, sheets } from './base.js'
import { icon } from './icons.js'

const STORE = 'coinslot:waiting'

/** Opens where tokens are too few, and goes on after the purchase. */
export class CoinslotPaywall extends CoinslotElement {
  static styles = sheets(css)

  #store = null
  #need = null
  #covered = false // a gateway's window has the screen
  #waiting = [] // all go on with the same purchase, or not at all

  start() {
    this.#store ??= this.querySelector('coinslot-store') ?? document.createElement('coinslot-store')
    this.#store.setAttribute('quiet', '')
    if (!this.#store.parentNode) this.append(this.#store)
    this.on(this, 'coinslot-purchased', ({ detail }) => this.#bought(detail))
    this.on(news, 'redeemed', ({ detail }) => this.#bought(detail))
    // A modal dialog would cover the gateway's window and take its focus.
    this.on(this, 'coinslot-window', ({ detail }) => this.#cover(detail.open))
  }

  disconnectedCallback() {
    super.disconnectedCallback()
    queueMicrotask(() => this.isConnected || this.close()) // not where it was only moved
  }

  async guard(action, { name, data, key = newKey() } = {}) {
    for (;;) {
      const result = await action({ key, data })
      const need = await refusal(result)
      if (!need) {
        if (name) wait(null)
        return result
      }
      if (name) wait({ name, data, key })
      if (!(await this.#open(need))) {
        if (name) wait(null)
        return result
      }
    }
  }

  async resume(name, action) {
    const left = waiting()
    if (left?.name !== name) return undefined
    wait(null)
    return left.bought ? this.guard(action, left) : undefined
  }

  close(bought = false) {
    this.#dialog?.close()
    for (const done of this.#waiting.splice(0)) done(bought)
  }

  get #dialog() {
    return this.renderRoot?.querySelector('dialog')
  }

  async #open(need) {
    this.#need = need
    await this.#say()
    this.#lift(true)
    this.#store.open?.()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #say() {
    this.#store.need = { ...this.#need }
    this.requestUpdate()
    return this.updateComplete
  }

  #cover(open) {
    if (open === this.#covered) return
    this.#covered = open
    if (this.#dialog?.open) this.#lift(!open)
  }

  #lift(modal) {
    if (this.#dialog.open) this.#dialog.close()
    if (modal) this.#dialog.showModal()
    else this.#dialog.show()
  }

  /** By the person. While a window is open, its own button closes that. */
  #leave(event) {
    event?.preventDefault()
    if (!this.#covered) this.close()
  }

  async #bought({ tokens: bought }) {
    const now = await refreshBalance()
    // Where it cannot be read, the action finds out.
    if (!this.#waiting.length || !bought) return
    this.#need.tokens = now
    if (!balance.stale && now < this.#need.required) this.#say()
    else this.close(true)
  }

  render() {
    const { required, tokens: left = 0 } = this.#need ?? {}
    const title = required > left ? t('paywall.title', { missing: number(required - left), tokens: tokens(required - left) }) : t('paywall.title_plain')
    return html`<dialog aria-labelledby="title" @cancel=${(event) => this.#leave(event)}
        @click=${(event) => event.target === event.currentTarget && this.#leave(event)}>
      <div class="sheet">
        <div class="head">
          <h2 id="title" tabindex="-1" autofocus>${title}</h2>
          <button type="button" class="plain close" aria-label=${t('close')} @click=${() => this.#leave()}>${icon('cross')}</button>
        </div>
        <p class="say">${t('paywall.text')}</p>
        ${required ? html`<p class="need figure">${t('paywall.need', { required: number(required), tokens: number(left) })}</p>` : nothing}
        <slot></slot>
      </div>
    </dialog>`
  }
}


/** `{required, tokens}` of a 402: a Response, or what supabase-js answers. */
async function refusal(result) {
  if (result?.status !== 402 && result?.error?.code !== 'PT402') return null
  try {
    return (await result.clone?.().json()) ?? JSON.parse(result.error.details)
  } catch {
    return {}
  }
}

const waiting = () => kept('sessionStorage', STORE)
const wait = (action) => keep('sessionStorage', STORE, action)

/** On the return page: what was waiting for tokens may go on. */
export function noteBought() {
  if (waiting()) wait({ ...waiting(), bought: true })
}
