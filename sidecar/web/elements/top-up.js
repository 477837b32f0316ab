import { html, nothing } from 'lit'
import { refreshBalance, watchBalance } from '../balance.js'
import { news } from '../client.js'
import { returnedWish, storeMethod } from '../storing.js'
import told from '../styles/outcome.css'
import css from '../styles/top-up.css'
import { call, tellChange } from '../subscriptions.js'
import { locale, t } from '../text.js'
import { boundsOf, placesOf, proposed, readTopUp, typed } from '../top-ups.js'
import { CoinslotElement, sheets } from './base.js'
import { consentOf } from './plan-words.js'
import { agreedTo, editor, facts, heading, isMended, isRefused, standing, whyStopped } from './top-up-parts.js'

const CONSENT = 'top-up-1' // another with every change of what is shown
const HOME = { ko: 'KRW', en: 'USD' }
const TIMES = 5 // in thirty days, unless somebody has agreed to another number
const LOOK_MS = 20_000 // the sidecar looks every 15 seconds

const standsAs = (found) => found && [found.topUp.status, found.topUp.failures, found.topUp.times, found.topUp.barred].join()

/** A pack that is bought by itself: nobody has it who has not switched it on. */
export class CoinslotTopUp extends CoinslotElement {
  static styles = sheets(css, told)
  static properties = { currency: {}, gateway: {} }

  #state = 'loading' // shown, signed_out, failed
  #found = null
  #draft = null // {packId, threshold, cap, methodId} of what is being filled in
  #form = null
  #busy = false
  #saying = null
  #refusal = null
  #reading = null
  #reloaded = null

  start() {
    watchBalance()
    this.on(news, 'signed subscriptions changed elsewhere', () => this.reload())
    this.on(globalThis, 'pageshow', ({ persisted }) => persisted && this.reload())
    const timer = setInterval(() => this.#look(), LOOK_MS)
    this.signal.addEventListener('abort', () => clearInterval(timer))
    this.reload().then(() => this.#goOn())
  }

  /** Ends when the latest has: one that is overtaken has found nothing. */
  reload() {
    return (this.#reloaded = this.#read())
  }

  async #read() {
    const reading = (this.#reading = readTopUp())
    const found = await reading.catch(() => false)
    if (reading !== this.#reading) return this.#reloaded
    // What was said of it before holds no longer.
    if (standsAs(found) !== standsAs(this.#found)) this.#saying = null
    this.#state = found ? 'shown' : found === null ? 'signed_out' : 'failed'
    this.#found = found || null
    this.requestUpdate()
  }

  /** While it is on, it may have bought something meanwhile. */
  #look() {
    if (document.hidden || this.#found?.topUp.status !== 'on') return
    refreshBalance()
    this.reload()
  }

  /** A shop in which it cannot be had says nothing of it. */
  updated() {
    const none = this.#state !== 'shown' || (!placesOf(this.gateway).length && this.#found.topUp.status === 'off')
    this.toggleAttribute('empty', this.#state !== 'failed' && none)
  }

  async #goOn() {
    const wish = await returnedWish('top_up')
    if (!wish || !this.#found) return
    this.#draft = wish.draft ?? null
    if (wish.what || !wish.draft) return this.#end(wish)
    await this.#doing(() => this.#switchOn(wish.draft, wish.methodId))
  }

  // ---- what is chosen ----

  get #currency() {
    const all = [...new Set(placesOf(this.gateway).map(({ currency }) => currency))]
    return [this.currency, HOME[locale()]].find((each) => all.includes(each)) ?? all[0]
  }

  #view() {
    const currency = this.#currency
    const places = placesOf(this.gateway).filter((each) => each.currency === currency)
    const packs = this.#found.packs.filter((each) => each.currency === currency)
    const { topUp } = this.#found
    const { monthly_times: times = TIMES } = topUp
    const usable = (method) => !method.broken && places.some(({ gateway }) => gateway === method.gateway) && !isRefused(topUp, method)
    const methods = this.#found.methods.filter(usable)
    const { packId, methodId } = this.#draft ?? {}
    const method = methodId === undefined ? methods[0] : methods.find(({ id }) => id === methodId)
    return {
      currency, packs, methods, places, times, draft: this.#draft,
      pack: packs.find(({ id }) => id === packId), method, methodId: method?.id ?? null,
      busy: this.#busy, form: this.#form,
      onPack: (pack) => this.#write({ packId: pack.id, ...proposed(pack) }),
      onWrite: (values) => this.#write(values),
      onMethod: (id) => this.#write({ methodId: id }),
      onYes: () => this.#yes(), onNo: () => this.#turn({ draft: null }, 'edit'),
    }
  }

  #write(values) {
    if (this.#busy) return
    this.#draft = { ...this.#draft, ...values }
    this.#refusal = null
    this.requestUpdate()
  }

  #turn({ draft = this.#draft, saying = null, refusal = null }, focus) {
    this.#draft = draft
    this.#saying = saying
    this.#refusal = refusal
    this.requestUpdate()
    if (focus) this.focusOn(focus)
  }

  #edit() {
    const { status, product_id: packId, threshold, monthly_cap: cap, method_id: methodId, currency } = this.#found.topUp
    const pack = this.#found.packs.find((each) => each.id === packId && each.currency === this.#currency)
    const known = status !== 'off' && pack && currency === this.#currency
    this.#turn({ draft: known ? { packId, threshold: String(threshold), cap: typed(cap, currency), methodId } : {} }, 'editor')
  }

  // ---- what is done ----

  async #yes() {
    if (this.#form) return this.#form.submit()
    const { pack, method, places, draft } = this.#view()
    if (this.#busy) return undefined
    const wrong = pack ? boundsOf(draft, pack).wrong : 'pack'
    if (wrong) {
      this.#turn({ refusal: { wrong, pack } })
      return this.focusOn(wrong)
    }
    const seen = { ...draft, amount: pack.amount, tokens: pack.tokens }
    return this.#doing(async () => {
      if (method) return this.#switchOn(seen, method.id)
      const { gateway } = places[0]
      const stored = await storeMethod(gateway, { does: 'top_up', gateway, draft: seen }, this.#page())
      return stored.methodId ? this.#switchOn(seen, stored.methodId) : stored
    })
  }

  /** With what is on sale and stored now: a new card is read first. Another pack than was seen is not bought. */
  async #switchOn(draft, methodId) {
    this.#found = (await readTopUp()) ?? this.#found
    this.#draft = { ...draft, methodId }
    const { pack, method, times } = this.#view()
    const { threshold, cap, wrong } = pack ? boundsOf(draft, pack) : { wrong: 'pack' }
    if (pack && (pack.amount !== draft.amount || pack.tokens !== draft.tokens)) return { what: 'repriced' }
    if (wrong || !method) return { what: 'changed' }
    const consent = consentOf(CONSENT, agreedTo(pack, { threshold, cap, times, method }), locale(), pack.amount)
    return call('set_token_top_up', {
      product_id: pack.id, gateway: method.gateway, currency: pack.currency, method_id: method.id,
      threshold, monthly_cap: cap, monthly_times: times, consent,
    })
  }

  #stop() {
    return this.#doing(() => call('stop_token_top_up'))
  }

  async #doing(work) {
    if (this.#busy) return
    this.#busy = true
    this.#turn({})
    this.#end(await work().catch(() => ({ what: 'unknown' })))
  }

  async #end({ what, data, reason }) {
    this.#busy = false
    if (what === 'signed_out') this.tell('coinslot-error', { kind: 'signed_out' })
    if (data) {
      tellChange()
      this.tell('coinslot-top-up', { status: data.status })
    }
    await this.reload()
    const saying = data && t(data.status === 'on' ? 'topup.switched_on' : 'topup.switched_off')
    this.#turn({ draft: data ? null : this.#draft, saying, refusal: what ? { what, reason } : null }, 'title')
  }

  #page() {
    return {
      signal: this.signal,
      dark: /dark/.test(getComputedStyle(this).colorScheme),
      element: this,
      show: (form) => {
        this.#form = form
        this.requestUpdate()
        if (form && !form.paying) this.focusOn('fields')
      },
      onWindow: (open) => this.tell('coinslot-window', { open: open && !this.#form }),
    }
  }

  // ---- how it looks ----

  render() {
    if (this.#state === 'failed') {
      return html`<p role="alert">${t('topup.failed')}</p>
        <button type="button" class="plain" @click=${() => this.reload()}>${t('again')}</button>`
    }
    if (this.#state !== 'shown') return nothing
    const { topUp, methods } = this.#found
    const card = methods.find(({ id }) => id === topUp.method_id)
    return html`<section class="own">
      ${heading(topUp)}
      <div role="status">${this.#saying ? html`<p class="saying">${this.#saying}</p>` : nothing}</div>
      ${this.#draft ? nothing : standing(topUp, { card })}
      ${topUp.status === 'off' || this.#draft ? nothing : facts(topUp, { card })}
      ${this.#draft ? editor({ ...this.#view(), refusal: this.#refusal }) : this.#buttons(topUp)}
    </section>`
  }

  #buttons(topUp) {
    const { status } = topUp
    const mends = isMended(topUp)
    const sold = placesOf(this.gateway).length > 0
    const mend = { price_changed: 'topup.again', over: 'topup.on_again' }[whyStopped(topUp)] ?? 'topup.other_card'
    const name = { on: 'topup.change', off: 'topup.set_up' }[status] ?? mend
    return html`<div class="actions" ?inert=${this.#busy}>
      ${mends && sold ? html`<button type="button" id="edit" name="edit" class=${status === 'on' ? 'plain' : ''} @click=${() => this.#edit()}>${t(name)}</button>` : nothing}
      ${status === 'off' ? nothing : html`<button type="button" name="stop" class="plain" @click=${() => this.#stop()}>${t('topup.stop')}</button>`}
    </div>`
  }
}
