import { html, nothing } from 'lit'
import { balance, watchBalance } from '../balance.js'
import { announce, config, mine, news, session } from '../client.js'
import { methodsIn } from '../methods.js'
import { keep, kept } from '../orders.js'
import { prepare, purchase } from '../purchase.js'
import { awaitDeposit, awaitedDeposits, callOff, resolveOpenOrders, settleUntilKnown } from '../settle.js'
import css from '../styles/checkout.css'
import outcomes from '../styles/outcome.css'
import { locale, t } from '../text.js'
import { CoinslotElement, sheets } from './base.js'
import { currencies, methods, packs, skeleton, summary, tooMuch, tooMuchText } from './checkout.js'
import { readOffers } from './offers.js'
import { copyAccount, LONG_MS, note, refusal, result, told } from './outcome.js'

const HOME = { ko: 'KRW', en: 'USD' }
const CHOICE = 'coinslot:choice'
// Told where the packs were; the rest is told above the button, and the packs stay.
const IN_PLACE = ['checking', 'purchased', 'waiting', 'unknown', 'review', 'returned', 'disputed', 'not_found']
const FALLEN = ['script_failed', 'not_started', 'gateway_off']

/** The packs, how to pay for them, and what becomes of every payment. */
export class CoinslotStore extends CoinslotElement {
  static styles = sheets(css, outcomes)
  static properties = {
    currency: {}, gateway: {}, highlight: {}, products: {},
    quiet: { type: Boolean, reflect: true },
    need: { attribute: false },
  }

  #offers = null
  #failed = false
  #choice = {} // {currency, pack, method, used}
  #buying = null
  #result = null
  #refusal = null
  #notes = [] // outcomes of earlier orders, one each
  #form = null
  #asking = null
  #once = new Set()
  #all = false // packs, and methods, that a paywall keeps folded
  #open = false
  #failing = new Set()

  start() {
    this.#choice = { ...kept('localStorage', CHOICE), ...this.#choice }
    this.#once.clear()
    watchBalance()
    this.on(news, 'signed', () => this.#resolve())
    this.on(news, 'balance', () => this.requestUpdate())
    this.on(news, 'purchased', ({ detail }) => this.#elsewhere(detail))
    // Back from the gateway's page with this one as it was left.
    this.on(globalThis, 'pageshow', ({ persisted }) => persisted && this.#back())
    this.on(globalThis, 'online', () => this.#online())
    this.on(globalThis, 'offline', () => this.requestUpdate())
    if (!this.quiet) this.open()
  }

  /** The packs that stood in the page meanwhile. */
  firstUpdated() {
    this.querySelector(':scope > .checkout')?.remove()
  }

  /** What the app asks for now is stronger than what the person chose before. */
  willUpdate(changed) {
    if (changed.has('currency') && this.currency) delete this.#choice.currency
  }

  /** Shows what is on sale now, and what became of open orders. */
  open() {
    this.#resolve()
    if (!this.#offers && config.offers) return this.#sell(config.offers)
    return this.#load()
  }

  #back() {
    this.#busy(null)
    this.#form = null
    this.tell('coinslot-window', { open: false })
    this.#resolve()
  }

  #online() {
    this.requestUpdate()
    if (this.#failed) this.#load()
    for (const each of this.#told()) if (each.kind === 'unknown') this.#check(each)
  }

  // ---- what is on sale ----

  async #load() {
    this.#failed = false
    this.requestUpdate()
    const asking = (this.#asking = readOffers())
    const found = await asking.catch(() => null)
    if (asking !== this.#asking) return
    this.#failed = !found
    this.#sell(found ?? [])
  }

  #sell(offers) {
    this.#asking ??= true
    const wanted = this.products?.split(/[\s,]+/)
    this.#offers = offers.filter(({ id, kind }) => wanted?.includes(id) ?? kind === 'token_pack')
    this.requestUpdate()
  }

  // ---- what is chosen ----

  get #currencies() {
    const priced = new Set((this.#offers ?? []).map((each) => each.currency))
    return [...priced].filter((each) => methodsIn(each, this.gateway).length).sort()
  }

  /** What is shown, of what has been chosen and of what there is. */
  #view() {
    const currencies = this.#currencies
    const wanted = [this.#choice.currency, this.currency, HOME[locale()]]
    const currency = wanted.find((each) => currencies.includes(each)) ?? currencies[0]
    const offers = (this.#offers ?? []).filter((each) => (currency ? each.currency === currency : true))
    const ways = currency ? methodsIn(currency, this.gateway) : []
    const enough = offers.filter((each) => each.tokens >= this.#missing)
    const fitting = this.need && enough.length ? enough : offers
    const offer = fitting.find(({ id }) => id === this.#choice.pack) ?? fitting[0]
    const shown = this.need && !this.#all ? fitting.slice(0, 2) : offers
    const method = ways.find(({ id }) => id === this.#choice.method) ?? ways[0]
    return {
      offers: shown, offer, hidden: offers.length - shown.length, best: this.highlight, methods: ways, method,
      currencies: currencies.filter((each) => each !== currency), owned: balance.stale ? null : balance.tokens,
      busy: Boolean(this.#buying && !this.#form) || Boolean(this.#form?.paying), blocked: this.#blocked(offer, method),
      compact: this.quiet, goesOn: Boolean(this.need), folded: this.quiet && !this.#open && this.#choice.used === method?.id,
      onPack: ({ id }) => this.#choose({ pack: id }),
      onMethod: ({ id }) => this.#choose({ method: id }),
      onCurrency: (each) => this.#choose({ currency: each }),
      onMore: () => this.#unfold(() => (this.#all = true), 'pack-' + offer?.id),
      onUnfold: () => this.#unfold(() => (this.#open = true), 'methods'),
      onPay: () => this.#pay(),
      onNear: () => method && prepare(method.gateway),
    }
  }

  get #missing() {
    const { required = 0, tokens = 0 } = this.need ?? {}
    return Math.max(0, required - tokens)
  }

  #unfold(open, id) {
    open()
    this.requestUpdate()
    this.focusOn(id)
  }

  #choose(change) {
    if (this.#buying) return
    this.#refusal = null
    Object.assign(this.#choice, change)
    keep('localStorage', CHOICE, this.#choice)
    this.requestUpdate()
  }

  /** Why it cannot be paid now, in words. */
  #blocked(offer, method) {
    if (!navigator.onLine) return t('offline.text')
    if (!method) return t('store.no_method')
    return tooMuch(method, offer) ? tooMuchText(method, offer) : null
  }

  // ---- buying ----

  #pay() {
    if (this.#form) return this.#form.submit()
    const view = this.#view()
    if (this.#buying || !view.offer) return undefined
    if (view.blocked) {
      this.#refusal = { text: view.blocked }
      return this.requestUpdate()
    }
    return this.#buy(view.offer, this.#gatewayOf(view.method), view.method)
  }

  /** The next gateway of the method, where nothing could begin at the one before. */
  #gatewayOf({ gateway, others }) {
    return [gateway, ...others].find((each) => !this.#failing.has(each)) ?? gateway
  }

  async #buy({ id: productId, tokens, amount, currency, name, name_ko }, gateway, { id: method, others }) {
    this.#busy(productId)
    this.#refusal = null
    this.#notes = this.#notes.filter(({ kind }) => /waiting|unknown|checking|review/.test(kind)) // until it is settled
    const wish = { productId, name, name_ko, tokens, amount, currency, gateway, method }
    const outcome = await purchase(wish, this.#page()).catch(() => ({ ...wish, kind: 'not_started' }))
    if (FALLEN.includes(outcome.kind) && others?.length) this.#failing.add(gateway)
    else this.#failing.clear()
    if (outcome.orderId && !FALLEN.includes(outcome.kind)) this.#remember({ pack: productId, method, used: method })
    this.#busy(null)
    this.#end({ ...outcome, name_ko: outcome.name_ko ?? name_ko })
    announce('changed') // the order is in the history, paid or not
    if (['gone', 'price_changed'].includes(outcome.kind)) this.#load()
  }

  #remember(change) {
    keep('localStorage', CHOICE, Object.assign(this.#choice, change))
  }

  #page() {
    return {
      signal: this.signal,
      dark: /dark/.test(getComputedStyle(this).colorScheme),
      element: this,
      show: (form) => this.#shown(form),
      onState: (state) => this.#tell(state),
      onWindow: (open) => !this.#form && this.tell('coinslot-window', { open }),
    }
  }

  /** While a person fills the fields in, no window has the screen; a bank's may, once they are sent. */
  #shown(form) {
    const before = this.#form
    this.#form = form
    this.tell('coinslot-window', { open: Boolean(form?.paying) })
    this.requestUpdate()
    if (form && !before) this.focusOn('fields')
  }

  #busy(productId) {
    this.#buying = productId
    this.requestUpdate()
  }

  /** The end of what the person has just done: told in place, with the focus. */
  #end(outcome) {
    const { kind } = outcome
    this.#forget(outcome)
    this.#result = IN_PLACE.includes(kind) ? outcome : null
    this.#refusal = this.#result ? null : outcome
    this.#announce(outcome)
    if (IN_PLACE.includes(kind)) this.focusOn('result')
    else this.focusOn(kind === 'declined' && this.#view().methods.length > 1 ? 'methods' : 'pay')
  }

  // ---- what became of it, and of others ----

  #told() {
    return [this.#result, this.#refusal, ...this.#notes].filter(Boolean)
  }

  async #resolve() {
    const who = await session().catch(() => null)
    this.#keep(mine)
    if (!who || !this.#asking) return // a quiet one has not been opened
    await resolveOpenOrders(who.userId, this.signal, (outcome) => {
      // Of orders that nobody has paid for, the latest says enough.
      const idle = /open|declined|canceled|expired|voided/.test(outcome.kind) && this.#told().length
      if (!this.#buying && (!idle || this.#before(outcome))) this.#tell(outcome)
    })
    const awaited = await awaitedDeposits(who.userId).catch(() => [])
    for (const each of awaited) if (!this.#before(each)) this.#tell(each)
  }

  #keep(test) {
    if (this.#result && !test(this.#result)) this.#result = null
    if (this.#refusal && !test(this.#refusal)) this.#refusal = null
    this.#notes = this.#notes.filter(test)
    this.requestUpdate()
  }

  #before({ orderId }) {
    return orderId && this.#told().find((each) => each.orderId === orderId)
  }

  #forget({ orderId }) {
    this.#notes = this.#notes.filter((each) => each.orderId !== orderId)
  }

  #elsewhere(bought) {
    const before = this.#before(bought)
    if (!this.#buying && before) this.#put({ ...before, ...bought, kind: 'purchased' })
  }

  /** In the place of what was told of that order before, or on top. */
  #put(outcome) {
    const { orderId } = outcome
    if (this.#result?.orderId === orderId) this.#result = outcome
    else if (this.#buying && outcome.kind === 'checking') this.#result = outcome
    else if (this.#notes.some((each) => each.orderId === orderId)) {
      this.#notes = this.#notes.map((each) => (each.orderId === orderId ? outcome : each))
    } else this.#notes = [outcome, ...this.#notes]
    this.requestUpdate()
  }

  #tell(outcome) {
    if (!mine(outcome)) return
    const before = this.#before(outcome)
    if (outcome.kind === 'checking') setTimeout(() => this.requestUpdate(), LONG_MS)
    this.#put({ since: Date.now(), ...outcome, name_ko: outcome.name_ko ?? this.#koreanOf(outcome) })
    this.#announce(outcome, before)
  }

  #koreanOf({ productId }) {
    return this.#offers?.find(({ id }) => id === productId)?.name_ko
  }

  #announce(outcome, before) {
    const { kind, orderId } = outcome
    const first = !this.#once.has(kind + orderId)
    this.requestUpdate()
    if (kind === 'checking') return
    this.#once.add(kind + orderId)
    if (kind === 'purchased') first && this.tell('coinslot-purchased', outcome)
    else if (kind !== before?.kind) this.tell('coinslot-error', outcome)
    if (kind === 'waiting' && first) {
      awaitDeposit(outcome, { signal: this.signal, onState: (state) => this.#tell(state) })
    }
  }

  async #check(outcome) {
    const page = { ...this.#page(), onState: (state) => this.#tell(state) }
    this.#tell(await settleUntilKnown(outcome, page))
  }

  #continue(outcome) {
    const { productId, currency, gateway, method } = outcome
    const offer = this.#offers?.find((each) => each.id === productId && each.currency === currency)
    if (!offer) return this.#end({ ...outcome, kind: 'gone' })
    this.#choose({ currency, pack: productId, ...(method && { method }) })
    return this.#buy(offer, gateway, { id: method ?? this.#view().method?.id })
  }

  #actions(outcome) {
    const leave = () => this.#leave(outcome)
    const check = () => this.#check(outcome)
    const continues = {
      checking: {},
      unknown: { check },
      open: { continue: () => this.#continue(outcome), cancel_order: () => callOff(outcome).then(check) },
      waiting: { ...copyAccount(outcome), pay_other: leave },
    }
    return continues[outcome.kind] ?? { done: leave }
  }

  #leave(outcome) {
    this.#forget(outcome)
    if (this.#result === outcome) this.#result = null
    this.requestUpdate()
    this.focusOn('pay')
  }

  // ---- how it looks ----

  render() {
    const telling = this.#result ?? this.#refusal ?? this.#notes[0]
    return html`<div class="store">
      <p class="unseen" aria-live="polite">${telling ? said(telling) : nothing}</p>
      ${this.#notes.map((each) => note(each, this.#actions(each)))}
      ${this.#result ? result(this.#result, this.#actions(this.#result)) : nothing}
      <div class="checkout" ?hidden=${Boolean(this.#result)}>${this.#checkout()}</div>
    </div>`
  }

  #checkout() {
    if (this.#failed) return refusal({ kind: 'load_failed' }, { again: () => this.#load() })
    if (!this.#offers) return html`<div class="choices">${skeleton()}</div>`
    const view = this.#view()
    if (!view.offer) return html`<p class="quiet">${t('store.empty')}</p>`
    return html`<div class="choices">${packs(view)}<div class="ways">${methods(view)}${this.#fields()}</div>${currencies(view)}</div>
      <div class="side"><div role="alert">${this.#refused()}</div>${summary(view)}</div>`
  }

  #fields() {
    if (!this.#form) return nothing
    const { error, leave } = this.#form
    return html`<div class="fields" id="fields" tabindex="-1" role="group" aria-label=${t('form.card')}>
      <slot name="form"></slot>
      <p class="error" role="alert">${error}</p>
      <button type="button" class="link" @click=${leave}>${t('form.cancel')}</button>
    </div>`
  }

  #refused() {
    const why = this.#refusal
    if (!why) return nothing
    if (why.text) return html`<p class="told refusal">${why.text}</p>`
    if (why.kind === 'closed') return html`<p class="told refusal closed">${t('closed.inline')}</p>`
    return refusal(why, this.#failing.size ? { again: () => this.#pay() } : {})
  }
}

function said(outcome) {
  if (outcome.text) return outcome.text
  const { title, text } = told(outcome)
  return `${title}. ${text}`
}
