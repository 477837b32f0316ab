import { refreshBalance } from '../balance.js'
import { newKey } from '../client.js'
import { CoinslotElement, h } from '../dom.js'
import { t, tokens } from '../text.js'

const STORE = 'coinslot:waiting'

/**
 * Opens where something costs more tokens than there are, and goes on with it after the purchase.
 * What was waiting is kept for a gateway that leaves the page: see `resume`.
 */
export class CoinslotPaywall extends CoinslotElement {
  #dialog = null
  #store = null
  #need = null
  #done = null

  start() {
    this.#store ??= this.querySelector('coinslot-store') ?? document.createElement('coinslot-store')
    this.#store.setAttribute('quiet', '')
    if (!this.#store.parentNode) this.append(this.#store)
    this.on(this, 'coinslot-purchased', ({ detail }) => this.#bought(detail))
    // A modal dialog would cover the gateway's window and take its focus.
    this.on(this, 'coinslot-window', ({ detail }) => this.#dialog.open && this.#lift(!detail.open))
    this.render()
  }

  /**
   * Runs `action({key, data})`; on a 402 opens, and after a purchase runs it again with the same
   * key. Answers with what the action answered last, so with the 402 where nothing was bought.
   * With a `name`, the action survives a redirect: `resume` takes it up.
   */
  async guard(action, { name, data, key = newKey() } = {}) {
    for (;;) {
      const result = await action({ key, data })
      const need = await refusal(result)
      if (!need) {
        if (name) keep(null)
        return result
      }
      if (name) keep({ name, data, key })
      if (!(await this.#open(need))) {
        if (name) keep(null)
        return result
      }
    }
  }

  /** Goes on with the action of that name, if the page was left for a purchase that went through. */
  async resume(name, action) {
    const waiting = kept()
    if (waiting?.name !== name) return undefined
    keep(null)
    return waiting.bought ? this.guard(action, waiting) : undefined
  }

  close() {
    this.#done?.(false)
    this.#done = null
    this.#dialog?.close()
  }

  #open(need) {
    this.#need = need
    this.render()
    this.#lift(true)
    this.#store.resolve?.()
    return new Promise((resolve) => (this.#done = resolve))
  }

  #lift(modal) {
    if (this.#dialog.open) this.#dialog.close()
    if (modal) this.#dialog.showModal()
    else this.#dialog.show()
  }

  async #bought({ tokens: bought }) {
    const now = await refreshBalance()
    if (!this.#done || !bought || (this.#need.required && now < this.#need.required)) return
    const done = this.#done
    this.#done = null
    this.#dialog.close()
    done(true)
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

/** `{required, tokens}` of a 402, in a Response, a supabase-js answer or an error's place. */
async function refusal(result) {
  if (result?.status !== 402 && result?.error?.code !== 'PT402') return null
  const body = await result.clone?.().json().catch(() => null)
  try {
    return body ?? JSON.parse(result.error.details)
  } catch {
    return {}
  }
}

function keep(waiting) {
  try {
    if (waiting) sessionStorage.setItem(STORE, JSON.stringify(waiting))
    else sessionStorage.removeItem(STORE)
  } catch {
    // Storage is off: a redirect forgets.
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE))
  } catch {
    return null
  }
}

/** On the return page: what was waiting for tokens may go on. */
export function noteBought() {
  const waiting = kept()
  if (waiting) keep({ ...waiting, bought: true })
}
