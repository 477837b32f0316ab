import { announce, config, news } from '../client.js'
import { CoinslotElement, given, h } from '../dom.js'
import { GATEWAYS } from '../gateways/index.js'
import { kept, keep } from '../orders.js'
import { callOff, prepare, purchase, resolveOpenOrders } from '../purchase.js'
import { awaitDeposit, settleUntilKnown } from '../settle.js'
import { locale, money, number, t } from '../text.js'
import { notice } from './notice.js'

const HOME = { ko: 'KRW', en: 'USD' }
const CHOICE = 'coinslot:choice'
const OFFER = 'id,kind,name,name_ko,tokens,currency,amount,discount_percent'

/** The packs, how to pay for them, and what becomes of every payment. */
export class CoinslotStore extends CoinslotElement {
  #offers = null
  #failed = false
  #chosen = null
  #buying = null
  #outcome = null
  #form = null
  #awaited = null
  #parts = {}

  start() {
    const [currency, gateway] = ['currency', 'gateway'].map((name) => this.getAttribute(name))
    this.#chosen ??= { currency, gateway, ...kept('localStorage', CHOICE) }
    this.on(news, 'signed', () => this.#offers && this.#resolve())
    this.on(news, 'purchased', ({ detail }) => this.#elsewhere(detail))
    // Back from the gateway's page with this one as it was left.
    this.on(globalThis, 'pageshow', ({ persisted }) => persisted && (this.#busy(null), this.#resolve()))
    this.on(globalThis, 'online', () => this.#outcome?.kind === 'unknown' && this.#check(this.#outcome))
    this.render()
    if (!this.hasAttribute('quiet')) this.open()
  }

  /** Loads what is on sale, and tells what became of the orders that this browser has begun. */
  open() {
    this.#resolve()
    return this.#load()
  }

  #resolve() {
    return resolveOpenOrders((outcome) => this.#buying || this.#tell(outcome), this.signal)
  }

  #elsewhere(bought) {
    if (this.#buying || this.#outcome?.orderId !== bought.orderId) return
    this.#outcome = { ...this.#outcome, ...bought, kind: 'purchased' }
    this.#renderNotice()
  }

  async #load() {
    this.#failed = false
    this.#renderPacks()
    const { data, error } = await config.supabase
      .from('product_offers').select(OFFER).order('tokens')
    this.#failed = Boolean(error)
    const wanted = this.getAttribute('products')?.split(/[\s,]+/)
    this.#offers = (data ?? []).filter(({ id, kind }) => wanted?.includes(id) ?? kind === 'token_pack')
    this.render()
  }

  // Each choice narrows the next.
  get #choices() {
    const ways = (currency) =>
      Object.keys(config.gateways).filter((each) => GATEWAYS[each]?.currencies?.includes(currency) ?? true)
    const { currency, gateway } = this.#chosen
    const priced = new Set(this.#offers.map((each) => each.currency))
    return {
      currency: [...priced].filter((each) => ways(each).length).sort(),
      gateway: ways(currency),
      method: config.gateways[gateway]?.methods ?? GATEWAYS[gateway]?.methods ?? [],
    }
  }

  #choose(change) {
    if (this.#buying || !this.#offers) return
    Object.assign(this.#chosen, change)
    this.#chosen.currency ??= HOME[locale()]
    for (const name of ['currency', 'gateway', 'method']) {
      const possible = this.#choices[name]
      if (!possible.includes(this.#chosen[name])) this.#chosen[name] = possible[0]
    }
    if (Object.keys(change).length) keep('localStorage', CHOICE, this.#chosen)
    this.#renderWays()
    this.#renderPacks()
  }

  async #buy({ id: productId, tokens, amount, currency, ...offer }) {
    if (this.#buying) return
    const { gateway, method } = this.#chosen
    this.#busy(productId)
    this.#tell(null)
    const wish = { productId, name: nameOf(offer), tokens, amount, currency, gateway, method }
    const outcome = await purchase(wish, this.#page())
    this.#busy(null)
    this.#tell(outcome)
    announce('changed') // the order is in the history, paid or not
    if (['gone', 'price_changed'].includes(outcome.kind)) this.#load()
  }

  #page() {
    return {
      signal: this.signal,
      dark: /dark/.test(getComputedStyle(this).colorScheme),
      element: this, // a form takes the place of the packs
      show: (form) => {
        this.#form = form
        this.#renderPacks()
      },
      onState: (state) => this.#tell(state),
      onWindow: (open) => this.tell('coinslot-window', { open }),
    }
  }

  async #check(outcome) {
    this.#tell(await settleUntilKnown(outcome, this.#page()))
  }

  #busy(productId) {
    this.#buying = productId
    this.#renderPacks()
    this.#parts.ways.inert = Boolean(productId)
  }

  #tell(outcome) {
    const before = this.#outcome
    this.#outcome = outcome
    this.#renderNotice()
    if (!outcome || outcome.kind === 'checking') return
    if (outcome.kind === 'purchased') this.tell('coinslot-purchased', outcome)
    else if (outcome.kind !== before?.kind) this.tell('coinslot-error', outcome)
    if (outcome.kind === 'waiting' && this.#awaited !== outcome.orderId) {
      this.#awaited = outcome.orderId
      awaitDeposit(outcome, { signal: this.signal, onState: (state) => this.#tell(state) })
    }
  }

  #continue(outcome) {
    const { productId, currency, gateway, method } = outcome
    const offer = this.#offers?.find((each) => each.id === productId && each.currency === currency)
    if (!offer) return this.#tell({ ...outcome, kind: 'gone' })
    this.#choose({ currency, gateway, method })
    return this.#buy(offer)
  }

  render() {
    const part = (name, props) => (this.#parts[name] = h('div', props))
    // No gateway's script before somebody is about to buy, and none to wait for after that.
    const near = () => this.#chosen.gateway && prepare(this.#chosen.gateway)
    this.show(
      h('div', { class: 'stack' },
        part('notice', { 'aria-live': 'polite' }), part('ways', { class: 'ways' }), part('packs', { onpointerover: near, onfocusin: near })),
    )
    this.#choose({})
    this.#renderPacks()
    this.#renderNotice()
  }

  #renderWays() {
    const { ways } = this.#parts
    const focused = this.shadowRoot.activeElement?.value
    const label = { currency: currencyName, gateway: (each) => t(`gateway.${each}`), method: (each) => t(`method.${each}`) }
    ways.replaceChildren(
      ...Object.entries(this.#choices)
        .filter(([, values]) => values.length > 1)
        .map(([name, values]) =>
          choice(name, values, this.#chosen[name], label[name], (each) => this.#choose({ [name]: each })),
        ),
    )
    if (focused) ways.querySelector(`[value="${focused}"]`)?.focus()
  }

  #renderNotice() {
    const outcome = this.#outcome
    this.#parts.notice.replaceChildren(...(outcome ? [notice(outcome, this.#actions(outcome))] : []))
  }

  #actions(outcome) {
    const close = () => this.#tell(null)
    const cancel_order = () => (callOff(outcome), close())
    const open = { continue: () => this.#continue(outcome), cancel_order }
    const unknown = { check: () => this.#check(outcome) }
    return { checking: {}, unknown, open }[outcome.kind] ?? { close }
  }

  #renderPacks() {
    const { packs, ways } = this.#parts
    packs.setAttribute('aria-busy', !this.#offers)
    packs.replaceChildren(this.#form ?? this.#packs())
    ways.hidden = Boolean(this.#form)
  }

  #packs() {
    const quiet = (name) => h('p', { class: 'quiet' }, t(name))
    if (this.#failed) return notice({ kind: 'load_failed' }, { again: () => this.#load() })
    if (!this.#offers) return skeleton()
    const shown = this.#offers.filter((each) => each.currency === this.#chosen.currency)
    if (!shown.length) return quiet('store.empty')
    if (!this.#chosen.gateway) return quiet('store.no_gateway')
    const middle = shown.length > 2 ? shown[Math.floor(shown.length / 2)].id : null
    const best = this.getAttribute('highlight') ?? middle
    return h('ul', { class: 'packs' }, shown.map((offer) => this.#pack(offer, offer.id === best)))
  }

  #pack(offer, best) {
    const { id, amount, currency, tokens, discount_percent: percent } = offer
    const mine = this.#buying === id
    return h('li', { class: best ? 'pack best' : 'pack' },
      given('h3', nameOf(offer), { class: 'name', id: `name-${id}` }),
      tokens > 0 && h('p', { class: 'tokens figure' }, number(tokens), ' ', h('small', {}, t('unit'))),
      h('p', { class: 'price figure' },
        h('strong', {}, money(amount, currency)),
        percent > 0 && h('span', { class: 'off' }, t('store.discount', { percent: number(percent) }))),
      tokens > 0 && h('p', { class: 'each quiet figure' },
        t('store.each', { price: money(Math.round(amount / tokens), currency) })),
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

const nameOf = (offer) => (locale() === 'ko' && offer.name_ko) || offer.name
const currencyName = (currency) => `${{ KRW: '₩', USD: '$' }[currency] ?? ''} ${currency}`.trim()

/** A group of radio buttons that look like pills. */
function choice(name, values, chosen, text, onchoose) {
  return h('fieldset', { class: 'choice' },
    h('legend', {}, t(`store.${name}`)),
    h('div', { class: 'pills' },
      values.map((value) =>
        h('label', {},
          h('input', { type: 'radio', name, value, checked: value === chosen, onchange: () => onchoose(value) }),
          h('span', {}, text(value))))))
}

const BONES = ['bone', 'bone', 'bone', 'bone wide']
const skeleton = () =>
  h('div', {},
    h('p', { class: 'unseen', role: 'status' }, t('store.loading')),
    h('div', { class: 'packs', 'aria-hidden': 'true' },
      [1, 2, 3].map(() => h('div', { class: 'pack' }, BONES.map((each) => h('div', { class: each }))))))
