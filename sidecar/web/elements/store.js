import { announce, config, mine, news, session } from '../client.js'
import { CoinslotElement, given, h } from '../dom.js'
import { GATEWAYS } from '../gateways/index.js'
import { kept, keep } from '../orders.js'
import { awaitDeposit, callOff, resolveOpenOrders, settleUntilKnown } from '../settle.js'
import { locale, money, number, t } from '../text.js'
import { notice } from './notice.js'

const buying = () => import('../purchase.js')
const HOME = { ko: 'KRW', en: 'USD' }
const CHOICE = 'coinslot:choice'
const OFFER = 'id,kind,name,name_ko,tokens,currency,amount,discount_percent'

/** The packs, how to pay for them, and what becomes of every payment. */
export class CoinslotStore extends CoinslotElement {
  #offers = null
  #failed = false
  #chosen = null
  #buying = null
  #told = [] // outcomes, one for each order
  #form = null
  #asking = null
  #once = new Set()
  #parts = {}

  start() {
    const asked = { currency: this.getAttribute('currency'), gateway: this.getAttribute('gateway') }
    this.#chosen ??= { ...asked, ...kept('localStorage', CHOICE) }
    this.#once.clear()
    this.on(news, 'signed', () => this.#resolve())
    this.on(news, 'purchased', ({ detail }) => this.#elsewhere(detail))
    // Back from the gateway's page with this one as it was left.
    this.on(globalThis, 'pageshow', ({ persisted }) => persisted && this.#back())
    this.on(globalThis, 'online', () => this.#told.filter(({ kind }) => kind === 'unknown').forEach((each) => this.#check(each)))
    this.render()
    if (!this.hasAttribute('quiet')) this.open()
  }

  open() {
    this.#resolve()
    return this.#load()
  }

  #back() {
    this.#busy(null)
    this.tell('coinslot-window', { open: false })
    this.#resolve()
  }

  async #resolve() {
    const who = await session().catch(() => null)
    this.#keep(mine)
    if (!who || !this.#asking) return // a quiet one has not been opened
    await resolveOpenOrders(who.userId, this.signal, (outcome) => {
      // Of orders that nobody has paid for, the latest says enough.
      const idle = /open|declined|canceled|expired|voided/.test(outcome.kind) && this.#told.length
      if (!this.#buying && (!idle || this.#before(outcome))) this.#tell(outcome)
    })
  }

  #keep(test) {
    this.#told = this.#told.filter(test)
    this.#renderNotices()
  }

  #before({ orderId }) {
    return this.#told.find((each) => each.orderId === orderId)
  }

  #elsewhere(bought) {
    const before = this.#before(bought)
    if (!this.#buying && before) this.#put({ ...before, ...bought, kind: 'purchased' })
  }

  async #load() {
    this.#failed = false
    this.#renderPacks()
    const asking = (this.#asking = config.supabase
      .from('token_offers').select(OFFER).order('tokens'))
    const { data, error } = await asking
    if (asking !== this.#asking) return
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
    this.#keep(({ kind }) => /waiting|unknown|checking|review/.test(kind)) // until it is settled
    const wish = { productId, name: nameOf(offer), tokens, amount, currency, gateway, method }
    const outcome = await buying().then(
      ({ purchase }) => purchase(wish, this.#page()),
      () => ({ ...wish, kind: 'not_started' }),
    )
    this.#busy(null)
    this.#tell(outcome)
    // The gateway's window has taken the focus with it.
    if (document.activeElement === document.body) this.shadowRoot.getElementById(`buy-${productId}`)?.focus()
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
    if (!mine(outcome)) return
    const { kind, orderId } = outcome
    const first = !this.#once.has(kind + orderId)
    const before = this.#before(outcome)
    this.#put(outcome)
    if (kind === 'checking') return
    this.#once.add(kind + orderId)
    if (kind === 'purchased') first && this.tell('coinslot-purchased', outcome)
    else if (kind !== before?.kind) this.tell('coinslot-error', outcome)
    if (kind === 'waiting' && first) {
      awaitDeposit(outcome, { signal: this.signal, onState: (state) => this.#tell(state) })
    }
  }

  /** In the place of what was told of that order before, or on top. */
  #put(outcome) {
    const before = this.#before(outcome)
    this.#told = before ? this.#told.map((each) => (each === before ? outcome : each)) : [outcome, ...this.#told]
    this.#renderNotices()
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
    // A purchase's modules and the gateway's script are loaded when somebody is about to buy.
    const near = () => {
      const { gateway } = this.#chosen
      if (gateway) buying().then(({ prepare }) => prepare(gateway), () => {})
    }
    this.show(
      h('div', { class: 'stack' },
        part('notices', { class: 'stack', 'aria-live': 'polite' }), part('ways', { class: 'ways' }), part('packs', { onpointerover: near, onfocusin: near })),
    )
    this.#choose({})
    this.#renderPacks()
    this.#renderNotices()
  }

  #renderWays() {
    refill(
      this.#parts.ways,
      ...Object.entries(this.#choices)
        .filter(([, values]) => values.length > 1)
        .map(([name, values]) =>
          choice(name, values, this.#chosen[name], (each) => this.#choose({ [name]: each })),
        ),
    )
  }

  #renderNotices() {
    refill(this.#parts.notices, ...this.#told.map((each) => notice(each, this.#actions(each))))
  }

  #actions(outcome) {
    const close = () => this.#keep((each) => each !== outcome)
    const check = () => this.#check(outcome)
    const cancel_order = () => callOff(outcome).then(check)
    const open = { continue: () => this.#continue(outcome), cancel_order }
    return { checking: {}, unknown: { check }, open }[outcome.kind] ?? { close }
  }

  #renderPacks() {
    const { packs, ways } = this.#parts
    packs.setAttribute('aria-busy', !this.#offers)
    refill(packs, this.#form ?? this.#packs())
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
          id: `buy-${id}`,
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

/** New content, and the focus on what now stands where it was. */
function refill(part, ...nodes) {
  const { id } = part.getRootNode().activeElement ?? {}
  part.replaceChildren(...nodes)
  if (id) part.querySelector(`#${CSS.escape(id)}`)?.focus()
}

function choice(name, values, chosen, onchoose) {
  return h('fieldset', { class: 'choice' },
    h('legend', {}, t(`store.${name}`)),
    h('div', { class: 'pills' },
      values.map((value) =>
        h('label', {},
          h('input', { type: 'radio', id: `${name}-${value}`, name, value, checked: value === chosen, onchange: () => onchoose(value) }),
          h('span', {}, GATEWAYS[value]?.name[locale()] ?? t(`${name}.${value}`) ?? value)))))
}

const BONES = ['bone', 'bone', 'bone', 'bone wide']
const skeleton = () =>
  h('div', {},
    h('p', { class: 'unseen', role: 'status' }, t('store.loading')),
    h('div', { class: 'packs', 'aria-hidden': 'true' },
      [1, 2, 3].map(() => h('div', { class: 'pack' }, BONES.map((each) => h('div', { class: each }))))))
