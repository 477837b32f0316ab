import { html, nothing } from 'lit'
import { balance, watchBalance } from '../balance.js'
import { announce, config, news } from '../client.js'
import { fetchAhead, later } from '../loading.js'
import { callOff } from '../stored.js'
import css from '../styles/checkout.css'
import told from '../styles/outcome.css'
import { t } from '../text.js'
import { CoinslotElement, sheets } from './base.js'
import { Basket, orderedOf, quantities } from './basket.js'
import { buyerFields, lacking } from './buyer.js'
import { blocked, currencies, fields, methods, packs, receipt, skeleton, summary } from './checkout.js'
import { codeField } from './code.js'
import { readOffers } from './offers.js'
import { contact, copyAccount, note, refusal, refused, result, said } from './outcome.js'
import { Outcomes } from './outcomes.js'
import { showReceipt } from './receipt.js'
import { Selection } from './selection.js'

// Nothing has begun, so that another gateway may be tried.
const FALLEN = ['script_failed', 'not_started', 'gateway_off']

/** The packs, how to pay for them, and what becomes of every payment. */
export class CoinslotStore extends CoinslotElement {
  static styles = sheets(css, told)
  static properties = {
    currency: {}, gateway: {}, highlight: {}, products: {},
    quiet: { type: Boolean, reflect: true },
    need: { attribute: false },
  }

  #offers = null
  #failed = false
  #selection = new Selection()
  #basket = new Basket(this, () => this.#free())
  #buyer = {}
  #outcomes = new Outcomes(this)
  #form = null
  #asking = null
  #all = false // packs, and methods, that a paywall keeps folded
  #open = false
  #failing = new Set()

  start() {
    this.#selection.recall()
    this.#outcomes.start()
    this.#basket.start()
    watchBalance()
    this.on(news, 'signed', () => this.#resolve())
    this.on(news, 'balance', () => this.requestUpdate())
    this.on(news, 'purchased', ({ detail }) => this.#outcomes.elsewhere(detail))
    // Back from the gateway's page with this one as it was left.
    this.on(globalThis, 'pageshow', ({ persisted }) => persisted && this.#back())
    this.on(globalThis, 'online', () => this.#online())
    this.on(globalThis, 'offline', () => this.requestUpdate())
    this.on(this, 'pointerover focusin', fetchAhead, { once: true })
    if (!this.quiet) this.open()
  }

  /** The packs that stood in the page meanwhile. */
  firstUpdated() {
    this.querySelector(':scope > .checkout')?.remove()
  }

  /** What the app asks for now is stronger than what the person chose before. */
  willUpdate(changed) {
    if (changed.has('currency') && this.currency) this.#selection.forgetCurrency()
  }

  updated() {
    if (this.#offers?.length) this.#basket.follow(this.#view())
  }

  /** Shows what is on sale now, and what became of open orders. */
  open() {
    const selling = !this.#offers && config.offers ? this.#sell(config.offers) : this.#load()
    this.#resolve()
    return selling
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
    for (const each of this.#outcomes.all) if (each.kind === 'unknown') this.#outcomes.check(each)
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

  #view() {
    const chosen = this.#selection.of({
      offers: this.#offers ?? [], gateway: this.gateway, currency: this.currency, need: this.need, all: this.#all,
    })
    const { offer, method, used } = chosen
    const taken = this.#basket.of(offer, method)
    return {
      ...chosen,
      ...taken,
      best: this.highlight,
      owned: balance.stale ? null : balance.tokens,
      busy: Boolean(this.#outcomes.buying && !this.#form) || Boolean(this.#form?.paying),
      buyer: this.#buyer,
      blocked: taken.pending ? t('code.checking') : blocked(taken.due, method, this.#buyer),
      ownButton: Boolean(this.#form) && method?.inline === 'express',
      compact: this.quiet,
      goesOn: Boolean(this.need),
      folded: this.quiet && !this.#open && used,
      onPack: ({ id }) => this.#choose({ pack: id }),
      onMethod: ({ id }) => this.#choose({ method: id }),
      onBuyer: (change) => this.#fill(change),
      onCurrency: (currency) => this.#choose({ currency }),
      onMore: () => this.#unfold(() => (this.#all = true), `pack-${offer.id}`),
      onUnfold: () => this.#unfold(() => (this.#open = true), 'methods'),
      onPay: () => this.#pay(),
      onNear: () => method && fetchAhead().then((file) => file?.prepare(method.gateway)),
    }
  }

  #unfold(open, id) {
    open()
    this.requestUpdate()
    this.focusOn(id)
  }

  /** Not while something is being bought. */
  #free() {
    if (!this.#outcomes.buying) this.#outcomes.refusal = null
    return !this.#outcomes.buying
  }

  #choose(change) {
    if (!this.#free()) return
    if (change.pack) this.#basket.choose(1)
    this.#selection.choose(change)
    this.requestUpdate()
  }

  #fill(change) {
    Object.assign(this.#buyer, change)
    this.requestUpdate()
  }

  // ---- buying ----

  #pay() {
    if (this.#form) return this.#form.submit()
    const view = this.#view()
    if (this.#outcomes.buying || !view.offer) return undefined
    if (view.blocked) {
      this.#outcomes.refusal = { text: view.blocked }
      this.requestUpdate()
      const field = lacking(view.method, this.#buyer)
      return field && this.focusOn(`buyer-${field}`)
    }
    if (this.#receipt?.check() === false) return undefined
    return this.#buy(view.offer, view.basket, this.#gatewayOf(view.method), view.method)
  }

  /** The question for a cash receipt, where the page has the element of it. */
  get #receipt() {
    const receipt = this.renderRoot.querySelector('#receipt')
    return receipt?.ask && receipt
  }

  /** The next gateway of the method, where nothing could begin at the one before. */
  #gatewayOf({ gateway, others }) {
    return [gateway, ...others].find((each) => !this.#failing.has(each)) ?? gateway
  }

  async #buy({ id: productId, currency, name, name_ko }, basket, gateway, { id: method, inline, others }) {
    this.#busy(productId)
    this.#outcomes.refusal = null
    this.#outcomes.keep(({ kind }) => /waiting|unknown|checking|review/.test(kind)) // until it is settled
    const { tokens, total: amount } = basket
    const wish = { productId, name, name_ko, tokens, amount, currency, gateway, method, ...orderedOf(basket) }
    const outcome = await later().then(
      ({ purchase }) => purchase(wish, this.#page(inline)).catch(() => ({ ...wish, kind: 'unknown' })),
      () => ({ ...wish, kind: 'script_failed' }), // before an order is made
    )
    if (FALLEN.includes(outcome.kind) && others?.length) this.#failing.add(gateway)
    else this.#failing.clear()
    if (outcome.orderId && !FALLEN.includes(outcome.kind)) this.#selection.choose({ pack: productId, method, used: method })
    this.#busy(null)
    this.#basket.end(outcome)
    this.#end(outcome)
    announce('changed') // the order is in the history, paid or not
    if (['gone', 'price_changed'].includes(outcome.kind)) this.#load()
  }

  #page(inline) {
    return {
      signal: this.signal,
      dark: /dark/.test(getComputedStyle(this).colorScheme),
      element: this,
      buyer: this.#buyer,
      show: (form) => this.#shown(form),
      receipt: this.#receipt,
      onState: (state) => this.#outcomes.tell(state),
      // Fields in the page are no window, until they are sent: `#shown` says so.
      onWindow: (open) => inline || this.tell('coinslot-window', { open }),
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
    this.#outcomes.buying = productId
    this.requestUpdate()
  }

  /** The end of what the person has just done, with the focus on it. */
  #end(outcome) {
    const inPlace = this.#outcomes.end(outcome)
    this.#outcomes.announce(outcome)
    const chooses = outcome.kind === 'declined' && this.#view().methods.length > 1
    this.focusOn(inPlace ? 'result' : chooses ? 'methods' : 'pay')
  }

  // ---- what became of it, and of others ----

  /** A quiet store that has not been opened tells nothing. */
  #resolve() {
    if (this.#asking) this.#outcomes.resolve()
  }

  #continue(outcome) {
    const { productId, currency, gateway, method } = outcome
    const offer = this.#offers?.find((each) => each.id === productId && each.currency === currency)
    if (!offer) return this.#end({ ...outcome, kind: 'gone' })
    this.#choose({ currency, pack: productId, ...(method && { method }) })
    return this.#buy(offer, this.#basket.again(offer, outcome), gateway, { ...this.#view().method, others: null })
  }

  #actions(outcome) {
    const leave = () => this.#leave(outcome)
    const check = () => this.#outcomes.check(outcome)
    const continues = {
      checking: {},
      unknown: { check },
      open: { continue: () => this.#continue(outcome), cancel_order: () => callOff(outcome).then(check) },
      // A debit is at the bank: there is no account to pay into, and nothing to call off.
      waiting: outcome.account
        ? { ...copyAccount(outcome), cancel_order: () => callOff(outcome).then(check), done: leave }
        : { done: leave },
      review: { ...contact(outcome), done: leave },
      disputed: { ...contact(outcome), done: leave },
      purchased: { done: leave, receipt: (event) => showReceipt(event.currentTarget, outcome.orderId) },
    }
    return continues[outcome.kind] ?? { done: leave }
  }

  #leave(outcome) {
    this.#outcomes.leave(outcome)
    this.requestUpdate()
    this.focusOn('pay')
  }

  // ---- how it looks ----

  render() {
    const { all, notes, result: ended } = this.#outcomes
    return html`<div class="store">
      <p class="unseen" aria-live="polite">${all.length ? said(all[0]) : nothing}</p>
      ${notes.map((each) => note(each, this.#actions(each)))}
      ${ended ? result(ended, this.#actions(ended)) : nothing}
      <div class="checkout" ?hidden=${Boolean(ended)}>${this.#checkout()}</div>
    </div>`
  }

  #checkout() {
    if (this.#failed) return refusal({ kind: 'load_failed' }, { again: () => this.#load() })
    if (!this.#offers) return skeleton()
    const view = this.#view()
    if (!view.offer) return html`<p class="quiet">${t('store.empty')}</p>`
    const { refusal: why } = this.#outcomes
    const again = this.#failing.size ? { again: () => this.#pay() } : {}
    return html`<div class="choices"><div class="basket">${packs(view)}${quantities(view)}${codeField(view)}</div>
        <div class="ways">${methods(view)}${buyerFields(view)}${receipt(view)}${this.#form ? fields(this.#form) : nothing}</div>${currencies(view)}</div>
      <div class="side"><div role="alert">${why ? refused(why, again) : nothing}</div>${summary(view)}</div>`
  }
}
