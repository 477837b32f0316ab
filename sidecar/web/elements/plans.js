import { html, nothing } from 'lit'
import { watchBalance } from '../balance.js'
import { news } from '../client.js'
import { prepareToStore, returnedWish } from '../storing.js'
import css from '../styles/plans.css'
import told from '../styles/outcome.css'
import { begin, subscribe } from '../subscribing.js'
import { currenciesOf, isOpen, mayTry, placesIn, readOwn, readPlans } from '../subscriptions.js'
import { locale, nameOf, t, tokens } from '../text.js'
import { CoinslotElement, sheets } from './base.js'
import { currencies, fields } from './checkout.js'
import { icon } from './icons.js'
import { agreed, cardChoice, planBones, planCards, planSummary } from './plan-parts.js'
import { cardName, consentOf, dayOf, per, refusedLine, said, trialValues } from './plan-words.js'
import { given } from './words.js'

const HOME = { ko: 'KRW', en: 'USD' }
const CONSENT = { subscribe: 'subscribe-1', trial: 'trial-1' } // others with every change of what is shown

/** The plans, the card that pays for them, and what became of subscribing. */
export class CoinslotPlans extends CoinslotElement {
  static styles = sheets(css, told)
  static properties = { currency: {}, gateway: {}, family: {}, plans: {} }

  #offers = null
  #own = null
  #failed = false
  #wanted = null // a currency that the person has asked for
  #chosen = null // the id of a plan: none is chosen for anybody
  #method = undefined // null for a new card, undefined for the one that was stored last
  #tried = false // the database has said that there is no trial
  #busy = false
  #form = null
  #refusal = null
  #result = null
  #reading = null

  start() {
    watchBalance()
    this.on(news, 'signed', () => this.reload())
    this.on(news, 'subscriptions', () => this.#busy || this.#left())
    this.on(globalThis, 'online offline', () => this.requestUpdate())
    this.on(globalThis, 'pageshow', ({ persisted }) => persisted && this.#left())
    this.reload()
    this.#goOn()
  }

  async reload() {
    const reading = (this.#reading = Promise.all([readPlans(), readOwn()]))
    const found = await reading.catch(() => null)
    if (reading !== this.#reading) return
    this.#failed = !found
    if (found) [this.#offers, this.#own] = found
    this.requestUpdate()
  }

  /** Back from a gateway's page, which has stored a card or has not. */
  async #goOn() {
    const wish = await returnedWish('subscribe')
    if (!wish) return
    this.#wanted = wish.currency ?? null
    this.#chosen = wish.planId ?? null
    if (wish.what || !wish.planId) return this.#end(wish.what ? wish : {})
    this.#method = wish.methodId
    this.#turn({ busy: true })
    this.#end(await begin(wish, this.#page()))
  }

  /** Back by the browser's own button, with the page as it was left. */
  #left() {
    this.#turn({ busy: false, result: null })
    this.reload()
  }

  // ---- what is chosen ----

  #view() {
    const all = currenciesOf(this.gateway)
    const currency = [this.#wanted, this.currency, HOME[locale()]].find((each) => all.includes(each)) ?? all[0]
    const places = currency ? placesIn(currency, this.gateway) : []
    const wanted = this.plans?.split(/[\s,]+/)
    const had = (this.#own?.subscriptions ?? []).filter((each) => isOpen(each) && each.status !== 'incomplete')
    const sold = (this.#offers ?? []).filter((each) => each.currency === currency && places.length
      && (wanted?.includes(each.id) ?? true) && (!this.family || each.family === this.family))
    const tries = (each) => !this.#tried && mayTry(each, this.#own?.subscriptions ?? [])
    const plans = sold.filter((each) => !had.some(({ family }) => family === each.family)).map((each) => ({ ...each, tries: tries(each) }))
    const methods = (this.#own?.methods ?? []).filter((each) => !each.broken && places.some(({ gateway }) => gateway === each.gateway))
    const method = methods.find(({ id }) => id === this.#method) ?? (this.#method === undefined ? methods[0] : null)
    const plan = plans.find(({ id }) => id === this.#chosen)
    return {
      currencies: all.filter((each) => each !== currency && (this.#offers ?? []).some((plan) => plan.currency === each)),
      plans, plan, methods, had: sold.length > plans.length,
      methodId: method?.id ?? null,
      gateway: method?.gateway ?? places[0]?.gateway,
      busy: (this.#busy && !this.#form) || Boolean(this.#form?.paying),
      blocked: navigator.onLine ? (plan ? null : t('plan.choose')) : t('offline.text'),
      onPlan: ({ id }) => this.#choose({ chosen: id }),
      onMethod: (id) => this.#choose({ method: id }),
      onCurrency: (each) => this.#choose({ wanted: each }),
      onSubscribe: () => this.#subscribe(),
      onNear: () => method || !places.length || prepareToStore(places[0].gateway),
    }
  }

  #choose({ chosen = this.#chosen, method = this.#method, wanted = this.#wanted }) {
    if (this.#busy) return
    this.#chosen = chosen
    this.#method = method
    this.#wanted = wanted
    this.#turn({ refusal: null })
  }

  #turn({ busy = this.#busy, refusal = this.#refusal, result = this.#result }) {
    this.#busy = busy
    this.#refusal = refusal
    this.#result = result
    this.requestUpdate()
  }

  // ---- subscribing ----

  async #subscribe() {
    if (this.#form) return this.#form.submit()
    const { plan, methodId, gateway, blocked } = this.#view()
    if (this.#busy) return undefined
    if (blocked) {
      this.#turn({ refusal: { text: blocked } })
      return plan ? undefined : this.focusOn('plans')
    }
    this.#turn({ busy: true, refusal: null })
    const consent = consentOf(plan.tries ? CONSENT.trial : CONSENT.subscribe, `${nameOf(plan)}. ${agreed(plan)}`, locale(), plan.amount)
    const trial = plan.tries ? (plan.trial_asks ? 'asked' : 'agreed') : undefined
    const wish = { planId: plan.id, family: plan.family, gateway, currency: plan.currency, methodId, consent, trial }
    return this.#end(await subscribe(wish, this.#page()).catch(() => ({ what: 'unknown' })))
  }

  #page() {
    return {
      signal: this.signal,
      dark: /dark/.test(getComputedStyle(this).colorScheme),
      element: this,
      show: (form) => this.#shown(form),
      onWindow: (open) => this.tell('coinslot-window', { open: open && !this.#form }),
    }
  }

  #shown(form) {
    const before = this.#form
    this.#form = form
    this.requestUpdate()
    if (form && !before) this.focusOn('fields')
  }

  async #end(outcome) {
    const { what, subscription } = outcome
    const done = what === 'subscribed'
    this.#tried ||= what === 'tried'
    this.#turn({ busy: false, refusal: done || !what ? null : outcome, result: done ? outcome : null })
    if (what === 'signed_out') this.tell('coinslot-error', { kind: 'signed_out' })
    if (subscription) this.tell('coinslot-subscription', { what, id: subscription.id, planId: subscription.plan_id, status: subscription.status })
    await this.reload()
    this.focusOn(done ? 'result' : what === 'declined' ? 'methods' : 'pay')
  }

  // ---- how it looks ----

  render() {
    const all = this.#refusal ?? this.#result
    return html`<div class="store">
      <p class="unseen" aria-live="polite">${all ? (this.#result ? this.#title() : said(all)) : nothing}</p>
      ${this.#result ? this.#done() : html`<div class="checkout">${this.#checkout()}</div>`}
    </div>`
  }

  #checkout() {
    if (this.#failed) {
      return html`<div class="told refusal"><p>${t('plan.load_failed')}</p><div class="actions">
        <button type="button" class="plain" @click=${() => this.reload()}>${t('again')}</button></div></div>`
    }
    if (!this.#offers) return planBones()
    const view = this.#view()
    if (!view.plans.length) {
      return html`<div class="choices"><p class="quiet">${t(view.had ? 'plan.all_had' : 'plan.empty')}</p>${view.had ? nothing : currencies(view)}</div>`
    }
    return html`<div class="choices">${planCards(view)}
        ${view.plan ? html`<div class="ways">${this.#form && !view.methods.length ? nothing : cardChoice(view)}${this.#form ? fields(this.#form) : nothing}</div>` : nothing}${currencies(view)}</div>
      <div class="side"><div role="alert">${this.#refusal ? refusedLine(this.#refusal) : nothing}</div>${planSummary(view)}</div>`
  }

  #title() {
    const { subscription } = this.#result
    return t(subscription.status === 'trialing' ? 'plan.trial_title' : 'plan.subscribed_title', { name: nameOf(subscription) })
  }

  #done() {
    const { subscription } = this.#result
    const trial = subscription.status === 'trialing'
    const text = trial ? per(subscription.trial === 'asked' ? 'plan.trial_asking' : 'plan.trial_agreed', subscription, trialValues(subscription))
      : t('plan.subscribed_text', { tokens: tokens(subscription.tokens) })
    const rows = [trial ? ['plan.trial_ends', dayOf(subscription.period_end)] : ['plan.next', dayOf(subscription.next_charge_at ?? subscription.period_end)], ['plan.card_label', cardName(subscription.method)]]
    return html`<section class="told result subscribed" part="result">
      <span class="mark good">${icon('check')}</span>
      <div><h2 id="result" tabindex="-1">${this.#title()}</h2>
        <p class="say">${text}</p></div>
      <dl class="facts">${rows.map(([name, value]) => html`<div><dt>${t(name)}</dt><dd class="figure">${given(value)}</dd></div>`)}</dl>
      <div class="actions"><button type="button" @click=${() => this.#turn({ result: null })}>${t('done')}</button></div>
    </section>`
  }
}
