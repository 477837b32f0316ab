import { config, news, session } from '../client.js'
import { CoinslotElement, given, h } from '../dom.js'
import { GATEWAYS } from '../gateways/index.js'
import { callOff, prepare, purchase, resolveOpenOrders } from '../purchase.js'
import { awaitDeposit, settleUntilKnown } from '../settle.js'
import { locale, money, number, t, tokens } from '../text.js'
import { notice } from './notice.js'

const CURRENCIES = { ko: 'KRW', en: 'USD' }
const SIGNS = { KRW: '₩', USD: '$' }

/** The packs, how to pay for them, and what becomes of every payment. */
export class CoinslotStore extends CoinslotElement {
  #offers = null
  #failed = false
  #currency = null
  #gateway = null
  #method = null
  #buying = null
  #outcome = null
  #form = null
  #parts = {}

  start() {
    this.#currency ??= this.getAttribute('currency')
    this.render()
    this.#loadOffers()
    if (this.hasAttribute('quiet')) return
    this.resolve()
    this.on(news, 'signed', () => this.resolve())
    this.on(news, 'purchased', ({ detail }) => this.#elsewhere(detail))
    // Back from the gateway's page with this one as it was left.
    this.on(globalThis, 'pageshow', (event) => event.persisted && this.#comeBack())
    this.on(globalThis, 'online', () => this.#outcome?.kind === 'unknown' && this.#check(this.#outcome))
  }

  /** Asks about the orders that this browser has begun, and tells what became of them. */
  resolve() {
    return resolveOpenOrders((outcome) => this.#buying || this.#tell(outcome), this.signal)
  }

  #comeBack() {
    this.#busy(null)
    this.resolve()
  }

  #elsewhere(bought) {
    if (this.#outcome && this.#outcome.orderId === bought.orderId && !this.#buying) {
      this.#outcome = { ...this.#outcome, ...bought, kind: 'purchased' }
      this.#renderNotice()
    }
  }

  async #loadOffers() {
    this.#failed = false
    this.#renderPacks()
    const { data, error } = await config.supabase
      .from('product_offers')
      .select('id,kind,name,name_ko,tokens,currency,amount,discount_percent')
      .order('tokens')
    this.#failed = Boolean(error)
    const wanted = this.getAttribute('products')?.split(/[\s,]+/)
    this.#offers = (data ?? []).filter(({ id, kind }) =>
      wanted ? wanted.includes(id) : kind === 'token_pack',
    )
    this.render()
  }

  // ---- what can be chosen ----

  get #currencies() {
    const priced = new Set((this.#offers ?? []).map((each) => each.currency))
    return [...priced].filter((each) => this.#gatewaysFor(each).length > 0).sort()
  }

  #gatewaysFor(currency) {
    return Object.keys(config.gateways).filter(
      (each) => GATEWAYS[each] && (GATEWAYS[each].currencies?.includes(currency) ?? true),
    )
  }

  #settleChoices() {
    const pick = (wanted, from) => (from.includes(wanted) ? wanted : from[0])
    this.#currency = pick(this.#currency ?? CURRENCIES[locale()], this.#currencies)
    const gateways = this.#gatewaysFor(this.#currency)
    this.#gateway = pick(this.#gateway ?? this.getAttribute('gateway'), gateways)
    this.#method = pick(this.#method, this.#methods)
    if (this.#gateway) prepare(this.#gateway)
  }

  get #methods() {
    return config.gateways[this.#gateway]?.methods ?? GATEWAYS[this.#gateway]?.methods ?? []
  }

  #choose(change) {
    if (this.#buying) return
    change()
    this.#settleChoices()
    this.#renderWays()
    this.#renderPacks()
  }

  // ---- buying ----

  async #buy(offer) {
    if (this.#buying) return
    this.#busy(offer.id)
    this.#tell(null)
    const wish = {
      ...{ productId: offer.id, name: nameOf(offer), tokens: offer.tokens },
      ...{ amount: offer.amount, currency: offer.currency },
      ...{ gateway: this.#gateway, method: this.#method },
    }
    const outcome = await purchase(wish, this.#page())
    this.#busy(null)
    this.#tell(outcome)
    if (['gone', 'price_changed'].includes(outcome.kind)) this.#loadOffers()
    this.shadowRoot.querySelector('.notice h3')?.focus()
  }

  #page() {
    return {
      signal: this.signal,
      dark: isDark(this.#parts.packs),
      form: (order) => this.#openForm(order),
      onState: (state) => this.#tell(state),
      onWindow: (open) => this.tell('coinslot-window', { open }),
    }
  }

  async #check(outcome) {
    const found = await settleUntilKnown(outcome, this.#page())
    if (found) this.#tell(found)
  }

  #busy(productId) {
    this.#buying = productId
    this.#renderPacks()
    this.#parts.ways?.toggleAttribute('inert', Boolean(productId))
  }

  #tell(outcome) {
    const before = this.#outcome
    this.#outcome = outcome
    this.#renderNotice()
    if (!outcome || outcome.kind === 'checking') return
    if (outcome.kind === 'purchased') this.tell('coinslot-purchased', outcome)
    else if (outcome.kind !== before?.kind) this.tell('coinslot-error', outcome)
    if (outcome.kind === 'waiting') {
      awaitDeposit(outcome, { signal: this.signal, onState: (state) => this.#tell(state) })
    }
  }

  /** A panel for a gateway whose fields stand in the page: in the light DOM, which they need. */
  #openForm(order) {
    const box = h('div', { slot: 'form' })
    const error = h('p', { class: 'error', role: 'alert' })
    const label = t('form.pay', { amount: money(order.amount, order.currency) })
    let answer = () => {}
    const send = (paid) => (answer(paid), (answer = () => {}))
    const pay = h('button', { 'aria-disabled': 'true' }, label)
    const cancel = h('button', { type: 'button', class: 'plain', onclick: () => send(false) }, t('form.cancel'))
    const onsubmit = (event) => {
      event.preventDefault()
      if (pay.getAttribute('aria-disabled') !== 'true') send(true)
    }
    const busy = (is) => pay.setAttribute('aria-disabled', is)
    this.append(box)
    this.#form = h(
      'form',
      { class: 'form', onsubmit },
      h('h3', { tabindex: '-1' }, t('form.title', { amount: money(order.amount, order.currency) })),
      h('slot', { name: 'form' }),
      error,
      h('div', { class: 'actions' }, pay, cancel),
    )
    this.#renderPacks()
    this.#form.querySelector('h3').focus()
    return {
      box,
      ready: () => busy(false),
      fail: (text) => {
        error.textContent = text
        busy(false)
      },
      submitted: () => new Promise((resolve) => (answer = resolve)).then((paid) => {
        busy(true)
        error.textContent = ''
        return paid
      }),
      close: () => {
        box.remove()
        this.#form = null
        this.#renderPacks()
      },
    }
  }

  // ---- what is shown ----

  render() {
    if (this.#offers) this.#settleChoices()
    const part = (name, props) => (this.#parts[name] = h('div', props))
    this.show(
      h(
        'section',
        { class: 'stack', 'aria-label': t('store.title') },
        part('notice', { 'aria-live': 'polite' }),
        part('ways', { class: 'ways' }),
        part('packs'),
      ),
    )
    this.#renderWays()
    this.#renderPacks()
    this.#renderNotice()
  }

  #renderWays() {
    if (!this.#offers?.length) return
    this.#parts.ways.replaceChildren(
      ...some(
        choice('currency', this.#currencies, this.#currency, currencyLabel,
          (each) => this.#choose(() => (this.#currency = each))),
        choice('gateway', this.#gatewaysFor(this.#currency), this.#gateway,
          (each) => t(`gateway.${each}`), (each) => this.#choose(() => (this.#gateway = each))),
        choice('method', this.#methods, this.#method,
          (each) => t(`method.${each}`), (each) => this.#choose(() => (this.#method = each))),
      ),
    )
  }

  #renderNotice() {
    const outcome = this.#outcome
    this.#parts.notice.replaceChildren(...some(outcome && notice(outcome, this.#actions(outcome))))
  }

  #actions(outcome) {
    const close = () => this.#tell(null)
    if (outcome.kind === 'checking') return {}
    if (outcome.kind === 'unknown') return { check: () => this.#check(outcome) }
    if (outcome.kind === 'open') {
      return { continue: () => this.#continue(outcome), cancel_order: () => (callOff(outcome), close()) }
    }
    return { close }
  }

  #continue(outcome) {
    const offer = this.#offers?.find(
      (each) => each.id === outcome.productId && each.currency === outcome.currency,
    )
    if (!offer) return this.#tell({ ...outcome, kind: 'gone' })
    this.#currency = outcome.currency
    this.#gateway = outcome.gateway
    this.#method = outcome.method
    this.render()
    return this.#buy(offer)
  }

  #renderPacks() {
    const { packs } = this.#parts
    packs.setAttribute('aria-busy', !this.#offers && !this.#failed)
    packs.replaceChildren(...some(this.#form ?? this.#packs()))
    if (this.#parts.ways) this.#parts.ways.hidden = Boolean(this.#form)
  }

  #packs() {
    if (this.#failed) {
      return h('section', { class: 'notice bad', role: 'alert' },
        h('h3', {}, t('store.failed')),
        h('p', {}, t('store.failed.text')),
        h('div', { class: 'actions' },
          h('button', { type: 'button', onclick: () => this.#loadOffers() }, t('again'))))
    }
    if (!this.#offers) return skeleton()
    if (!this.#offers.length) return h('p', { class: 'quiet' }, t('store.empty'))
    if (!this.#gateway) return h('p', { class: 'quiet' }, t('store.no_gateway'))
    const shown = this.#offers.filter((each) => each.currency === this.#currency)
    const best = this.getAttribute('highlight') ?? shown[shown.length > 2 ? Math.floor(shown.length / 2) : -1]?.id
    return h('ul', { class: 'packs' }, shown.map((offer) => this.#pack(offer, offer.id === best)))
  }

  #pack(offer, best) {
    const { id, amount, currency, discount_percent: percent } = offer
    const mine = this.#buying === id
    return h('li', { class: best ? 'pack best' : 'pack' },
      given('h3', nameOf(offer), { class: 'name', id: `name-${id}` }),
      offer.tokens > 0 && h('p', { class: 'tokens figure' }, number(offer.tokens), ' ', h('small', {}, t('unit'))),
      h('p', { class: 'price figure' },
        h('strong', {}, money(amount, currency)),
        percent > 0 && h('span', { class: 'off' }, t('store.discount', { percent: number(percent) }))),
      offer.tokens > 0 && h('p', { class: 'each quiet figure' },
        t('store.each', { price: money(Math.round(amount / offer.tokens), currency) })),
      h('button', {
          type: 'button',
          class: best ? null : 'plain',
          'aria-describedby': `name-${id}`,
          'aria-disabled': this.#buying ? 'true' : null,
          onclick: () => this.#buy(offer),
        },
        mine && h('span', { class: 'spinner', 'aria-hidden': 'true' }),
        t('store.buy'),
        mine && h('span', { class: 'unseen' }, t('store.buying'))))
  }
}

const some = (...nodes) => nodes.filter(Boolean)
const nameOf = (offer) => (locale() === 'ko' ? offer.name_ko || offer.name : offer.name)
const currencyLabel = (currency) => `${SIGNS[currency] ?? ''} ${currency}`.trim()
const isDark = (element) => /dark/.test(getComputedStyle(element).colorScheme)

/** A group of radio buttons that look like pills; nothing where there is no choice. */
function choice(name, values, chosen, text, onchoose) {
  if (values.length < 2) return null
  return h('fieldset', { class: 'choice' },
    h('legend', {}, t(`store.${name}`)),
    h('div', { class: 'pills' },
      values.map((value) =>
        h('label', {},
          h('input', { type: 'radio', name, value, checked: value === chosen, onchange: () => onchoose(value) }),
          h('span', {}, text(value))))))
}

const skeleton = () =>
  h('div', {},
    h('p', { class: 'unseen', role: 'status' }, t('store.loading')),
    h('div', { class: 'packs', 'aria-hidden': 'true' },
      [1, 2, 3].map(() =>
        h('div', { class: 'pack' }, ['bone', 'bone', 'bone', 'bone wide'].map((each) => h('div', { class: each }))))))
