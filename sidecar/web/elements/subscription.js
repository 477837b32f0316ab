import { html, nothing } from 'lit'
import { watchBalance } from '../balance.js'
import { news } from '../client.js'
import { returnedWish } from '../storing.js'
import css from '../styles/subscription.css'
import told from '../styles/outcome.css'
import { whyDeclined } from '../subscribing.js'
import { call, isOpen, latest, readHistory, readOwn, readPlans } from '../subscriptions.js'
import { locale, t } from '../text.js'
import { CoinslotElement, sheets } from './base.js'
import { fields } from './checkout.js'
import { Acts } from './plan-acts.js'
import { confirming, planChoice, question, resumed } from './plan-dialogs.js'
import { planHistory } from './plan-history.js'
import { cardChoice } from './plan-parts.js'
import { consentOf, refusedLine } from './plan-words.js'
import { actionsOf, banners, buttons, facts, heading } from './subscribed.js'

const CONSENT = { change: 'change-1', resume: 'resume-1', agree: 'price-1', price_agree: 'price-2' } // others with every change of what is shown
const CARD = 'card' // what is open while another card is chosen
const ASKED = ['cancel', 'pause', 'resume', 'change', 'agree', 'price_agree']

/** What a person has subscribed to: when it is charged next, by which card, and everything to change. */
export class CoinslotSubscription extends CoinslotElement {
  static styles = sheets(css, told)
  static properties = { family: {} }

  #state = 'loading' // shown, signed_out, failed
  #own = { subscriptions: [], methods: [] }
  #plans = []
  #troubles = new Map() // by subscription: why its last charge was declined
  #histories = new Map()
  #open = null // {kind, subscription, plan, quote}: what is asked, or open
  #acts = new Acts(this)
  #reading = null
  #reloaded = null

  start() {
    watchBalance()
    this.on(news, 'signed subscriptions', () => this.reload())
    this.on(globalThis, 'pageshow', ({ persisted }) => persisted && this.reload())
    this.reload().then(() => this.#goOn())
  }

  /** Ends when the latest has: one that is overtaken has found nothing. */
  reload() {
    return (this.#reloaded = this.#read())
  }

  async #read() {
    const reading = (this.#reading = Promise.all([readOwn(), readPlans()]))
    const found = await reading.catch(() => null)
    if (reading !== this.#reading) return this.#reloaded
    const [own, plans] = found ?? []
    this.#state = own ? 'shown' : found ? 'signed_out' : 'failed'
    this.#own = own ?? { subscriptions: [], methods: [] }
    this.#plans = plans ?? []
    for (const id of this.#histories.keys()) this.#readHistory({ id })
    await this.#lookInto(this.#shown.filter(({ status, cancel_at_end: ends }) => ends || /incomplete|past_due/.test(status)))
    this.requestUpdate()
  }

  /** Of those that are unpaid or end, the last event says why. */
  async #lookInto(subscriptions) {
    this.#troubles.clear()
    await Promise.all(subscriptions.map(async ({ id }) => {
      const events = await latest(id).catch(() => [])
      const last = events.find(({ event }) => /declined|unanswered|disputed/.test(event))
      if (last?.event === 'disputed') this.#troubles.set(id, { disputed: true })
      else if (last) this.#troubles.set(id, last.event === 'declined' ? whyDeclined(last.detail) : { what: 'unanswered' })
    }))
  }

  /** A page may leave out what stands around it. */
  updated() {
    this.toggleAttribute('empty', this.#state === 'shown' && !this.#shown.length)
  }

  async #goOn() {
    const wish = await returnedWish('replace')
    if (!wish) return
    const subscription = this.#own.subscriptions.find(({ id }) => id === wish.subscriptionId)
    if (wish.methodId && !wish.what && subscription) await this.#acts.useCard(subscription, wish.methodId)
    else this.#acts.end(wish, subscription)
  }

  /** Those that are open, or else the one that was had last. */
  get #shown() {
    const all = this.#own.subscriptions.filter(({ family }) => !this.family || family === this.family)
    const open = all.filter(isOpen)
    return open.length ? open : all.slice(0, 1)
  }

  // ---- what is done ----

  #act(name, subscription) {
    if (this.#acts.busy) return undefined
    this.#acts.forget()
    if (name === 'change_method') return this.#openPanel(subscription)
    if (ASKED.includes(name)) return this.#ask(name, subscription)
    const done = {
      keep: () => this.#acts.change('resume_token_subscription', subscription, this.#agreed('resume', '')),
      undo_pause: () => this.#acts.change('resume_token_subscription', subscription, this.#agreed('resume', '')),
      undo_change: () => this.#acts.change('change_token_plan', subscription, { plan_id: subscription.plan_id }),
      price_decline: () => this.#acts.change('answer_token_price', subscription, { agrees: false }),
      pay_now: () => this.#acts.payNow(subscription),
      confirm: () => this.#acts.confirm(subscription),
    }
    return done[name]()
  }

  async #ask(kind, subscription) {
    this.#open = { kind, subscription }
    this.requestUpdate()
    await this.updateComplete
    this.#dialog.showModal()
  }

  get #dialog() {
    return this.renderRoot.querySelector('dialog')
  }

  #close() {
    const { kind, subscription } = this.#open ?? {}
    this.#dialog.close()
    this.#open = null
    this.requestUpdate()
    if (subscription) this.focusOn(`${kind}-${subscription.id}`)
  }

  async #choosePlan(plan) {
    const { subscription } = this.#open
    this.#open = { ...this.#open, plan, quote: null, refusal: null }
    this.requestUpdate()
    const { data: quote, ...why } = await call('quote_token_plan', { subscription_id: subscription.id, plan_id: plan.id })
    if (this.#open?.plan !== plan) return
    this.#open = { ...this.#open, quote, refusal: quote ? null : why }
    this.requestUpdate()
  }

  #agreed(kind, shown, amount) {
    return { consent: consentOf(CONSENT[kind], shown, locale(), amount) }
  }

  async #yes() {
    const { kind, subscription, plan, quote } = this.#open
    if (this.#acts.busy) return
    const { text } = question(kind, subscription, { plan, quote })
    this.#close()
    const terms = this.#agreed(kind, text, { change: quote?.next_amount, resume: resumed(subscription).amount }[kind])
    if (kind === 'cancel') await this.#acts.change('cancel_token_subscription', subscription)
    if (kind === 'pause') await this.#acts.change('pause_token_subscription', subscription)
    if (kind === 'agree') await this.#acts.change('answer_token_price', subscription, { agrees: true, amount: subscription.amount, ...terms })
    if (kind === 'price_agree') await this.#acts.change('answer_token_price', subscription, { agrees: true, amount: subscription.price.amount, ...terms })
    if (kind === 'resume') await this.#acts.charged('resume_token_subscription', subscription, terms)
    if (kind === 'change') {
      const asked = { plan_id: plan.id, ...terms }
      if (quote.at_once) await this.#acts.charged('upgrade_token_plan', subscription, asked)
      else await this.#acts.change('change_token_plan', subscription, asked)
    }
  }

  // ---- another card ----

  #openPanel(subscription) {
    const methods = this.#cardsOf(subscription)
    const other = methods.find(({ id, broken }) => !broken && id !== subscription.method?.id)
    this.#open = { kind: CARD, subscription, methodId: other?.id ?? null }
    this.requestUpdate()
    this.focusOn('panel')
  }

  #cardsOf({ gateway }) {
    return this.#own.methods.filter((each) => each.gateway === gateway)
  }

  async #useCard() {
    if (this.#acts.form) return this.#acts.form.submit()
    const { subscription, methodId } = this.#open
    if (methodId) await this.#acts.useCard(subscription, methodId)
    else await this.#acts.newCard(subscription)
    return this.#closePanel()
  }

  #closePanel() {
    this.#open = null
    this.requestUpdate()
  }

  async #readHistory({ id }) {
    this.#histories.set(id, await readHistory(id).catch(() => false))
    this.requestUpdate()
  }

  // ---- how it looks ----

  render() {
    const quiet = { loading: 'history.loading', signed_out: 'plan.signed_out_own' }[this.#state]
    if (quiet) return html`<p class="quiet" role="status">${t(quiet)}</p>`
    if (this.#state === 'failed') {
      return html`<p role="alert">${t('plan.own_failed')}</p>
        <button type="button" class="plain" @click=${() => this.reload()}>${t('again')}</button>`
    }
    return html`<div class="all">${this.#shown.map((each) => this.#one(each))}</div>${this.#dialogue()}`
  }

  #one(subscription) {
    const { id } = subscription
    const trouble = this.#troubles.get(id)
    const { saying, refusal, busy } = this.#acts
    const mine = this.#acts.about === id
    return html`<section class="own">
      ${heading(subscription)} ${banners(subscription, trouble)}
      <div role="status">${mine && saying ? html`<p class="saying">${saying}</p>` : nothing}</div>
      <div role="alert">${mine && refusal ? refusedLine(refusal) : nothing}</div>
      ${facts(subscription)}
      ${this.#open?.kind === CARD && this.#open.subscription.id === id ? this.#panel(subscription) : nothing}
      ${mine && busy && !this.#acts.form ? html`<p class="quiet" role="status"><span class="spinner" aria-hidden="true"></span> ${t('plan.busy')}</p>` : nothing}
      ${buttons(subscription, actionsOf(subscription, trouble), { busy, onAction: (name) => this.#act(name, subscription) })}
      ${planHistory({ events: this.#histories.get(id), onOpen: () => this.#readHistory(subscription) })}
    </section>`
  }

  #panel(subscription) {
    const { form, busy } = this.#acts
    const choice = {
      methods: this.#cardsOf(subscription), methodId: this.#open.methodId, name: `card-${subscription.id}`, used: subscription.method?.id,
      busy, onMethod: (methodId) => { this.#open = { ...this.#open, methodId }; this.requestUpdate() },
      onRemove: (method) => this.#acts.remove(subscription, method.id),
    }
    return html`<div class="panel" id="panel" tabindex="-1">${cardChoice(choice)}${form ? fields(form) : nothing}
      <div class="both">
        ${form ? nothing : html`<button type="button" class="plain" name="close" @click=${() => this.#closePanel()}>${t('plan.not_now')}</button>`}
        <button type="button" class="plain" name="use" aria-disabled=${busy && !form ? 'true' : 'false'} @click=${() => this.#useCard()}>${t(form ? 'plan.save_card' : 'plan.use_card')}</button>
      </div></div>`
  }

  #dialogue() {
    const { kind, subscription, plan, quote, refusal } = this.#open ?? {}
    const asked = ASKED.includes(kind) ? question(kind, subscription, { plan, quote }) : null
    return html`<dialog aria-labelledby="asked" @cancel=${(event) => { event.preventDefault(); this.#close() }}>
      ${asked ? confirming(asked, {
        choices: kind === 'change' ? planChoice({ plans: this.#others(subscription), plan, onPlan: (each) => this.#choosePlan(each) }) : nothing,
        busy: this.#acts.busy, refusal: refusal ? refusedLine(refusal) : nothing,
        onYes: () => this.#yes(), onNo: () => this.#close(),
      }) : nothing}
    </dialog>`
  }

  #others({ family, plan_id: id, currency }) {
    return this.#plans.filter((each) => each.family === family && each.id !== id && each.currency === currency)
  }
}
