import { balance, refreshBalance } from '../balance.js'
import { newKey } from '../client.js'
import { CoinslotElement, h } from '../dom.js'
import { keep, kept } from '../orders.js'
import { t, tokens } from '../text.js'

const STORE = 'coinslot:waiting'

/** Opens where tokens are too few, and goes on after the purchase. */
export class CoinslotPaywall extends CoinslotElement {
  #dialog = null
  #store = null
  #need = null
  #waiting = [] // all go on with the same purchase, or not at all

  start() {
    this.#store ??= this.querySelector('coinslot-store') ?? document.createElement('coinslot-store')
    this.#store.setAttribute('quiet', '')
    if (!this.#store.parentNode) this.append(this.#store)
    this.on(this, 'coinslot-purchased', ({ detail }) => this.#bought(detail))
    // A modal dialog would cover the gateway's window and take its focus.
    this.on(this, 'coinslot-window', ({ detail }) => this.#dialog.open && this.#lift(!detail.open))
    this.render()
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

  #open(need) {
    this.#need = need
    this.render()
    this.#lift(true)
    this.#store.open?.()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #lift(modal) {
    if (this.#dialog.open) this.#dialog.close()
    if (modal) this.#dialog.showModal()
    else this.#dialog.show()
  }

  async #bought({ tokens: bought }) {
    const now = await refreshBalance()
    // Where it cannot be read, the action finds out.
    if (!this.#waiting.length || !bought) return
    this.#need.tokens = now
    if (!balance.stale && now < this.#need.required) this.render()
    else this.close(true)
  }

  render() {
    const open = this.#dialog?.open
    const { required, tokens: left } = this.#need ?? {}
    const text = required
      ? t('paywall.text', { required: tokens(required), tokens: tokens(left ?? 0) })
      : t('paywall.text_plain')
    this.#dialog = h('dialog', { 'aria-labelledby': 'title', oncancel: () => this.close() },
      h('div', { class: 'stack' },
        h('div', { class: 'head' },
          h('h2', { id: 'title' }, t('paywall.title')),
          h('button', { type: 'button', class: 'plain small', onclick: () => this.close() }, t('close'))),
        h('p', {}, text),
        h('slot')))
    this.show(this.#dialog)
    if (open) this.#lift(true)
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
