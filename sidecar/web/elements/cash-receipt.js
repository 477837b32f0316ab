import { html, nothing } from 'lit'
import { digits, fits } from '../cash-numbers.js'
import { config, news, session } from '../client.js'
import en from '../i18n/cash/en.json'
import ko from '../i18n/cash/ko.json'
import css from '../styles/cash.css'
import { addTexts, t } from '../text.js'
import { CoinslotElement, sheets } from './base.js'

const KINDS = ['income_deduction', 'expenditure_proof']
const SHOWN = 'kind,number,status,issue_number,failure_code'
const CASH = ['transfer', 'virtual_account']
const PATIENCE_MS = 4000 // nobody waits longer than that to pay
const unasked = new Set() // orders whose request has failed on this page

/** The question before a purchase; with an `order`, what has become of its receipt. The number is
 *  kept in the field alone, and goes to the database. */
export class CoinslotCashReceipt extends CoinslotElement {
  static styles = sheets(css)
  static properties = { order: {}, method: {} }

  #kind = ''
  #number = ''
  #said = ''
  #who // undefined until it is known
  #found = null // of the order: its receipt
  #state = '' // of the order: known, asking, busy

  start() {
    this.on(news, 'signed', () => this.#signed())
    const row = this.closest('details')
    this.#signed()
    if (!this.order) return
    if (!row || row.open) this.reload()
    else row.addEventListener('toggle', () => this.reload(), { once: true, signal: this.signal })
  }

  /** Another person does not see whose number was typed. */
  async #signed() {
    const { userId = null } = (await session().catch(() => null)) ?? {}
    if (userId === this.#who) return
    if (this.#who !== undefined) this.#choose('')
    if (this.#state) await this.reload()
    this.#who = userId
  }

  /** Of another order in the same place. */
  updated(changed) {
    if (changed.get('order')) this.reload()
  }

  async reload() {
    if (!CASH.includes(this.method) || !config.supabase) return
    const { data, error } = await config.supabase.from('token_cash_receipts').select(SHOWN).eq('order_id', this.order).maybeSingle()
    this.#found = data
    this.#turn(error ? '' : 'known')
  }

  #turn(state, said = '') {
    this.#state = state
    this.#said = said
    this.requestUpdate()
  }

  // ---- asking ----

  check() {
    this.#said = !this.#kind || fits(this.#kind, this.#number) ? '' : t(`cash.wrong_${this.#kind}`)
    this.requestUpdate()
    if (this.#said) this.focusOn('number')
    return !this.#said
  }

  async ask({ orderId, receipt }) {
    if (!this.#kind) return receipt ? !(await call('withdraw_token_cash_receipt', { order_id: orderId })) : false
    const refused = await call('request_token_cash_receipt', { order_id: orderId, kind: this.#kind, number: digits(this.#number) })
    unasked[refused ? 'add' : 'delete'](orderId)
    return true
  }

  async #send(event) {
    event.preventDefault()
    if (!this.#kind || !this.check() || this.#state === 'busy') return
    this.#turn('busy')
    const refused = await call('request_token_cash_receipt', { order_id: this.order, kind: this.#kind, number: digits(this.#number) })
    if (refused) return this.#turn('asking', t(`cash.${refused}`) ?? t('cash.not_asked'))
    unasked.delete(this.order)
    this.#number = ''
    await this.reload()
    return this.focusOn('state')
  }

  // ---- how it looks ----

  render() {
    if (!this.order) return this.#fields()
    if (!this.#state) return nothing
    const receipt = this.#found
    if (this.#state !== 'known') return html`<form @submit=${(event) => this.#send(event)} novalidate>${this.#fields()}
      <button class="plain small" aria-busy=${this.#state === 'busy' ? 'true' : 'false'}>${t('cash.ask')}</button></form>`
    const offered = config.methods?.some(({ id, cashReceipt }) => cashReceipt && id === this.method)
    if (!receipt && !offered) return nothing
    const again = offered && (!receipt || receipt.status === 'failed')
    return html`<div class="state">
      <p id="state" tabindex="-1">${receipt ? this.#told(receipt) : t(unasked.has(this.order) ? 'cash.not_asked' : 'cash.none_yet')}</p>
      ${again ? html`<button type="button" class="link" @click=${() => this.#begin()}>${t(receipt ? 'cash.again' : 'cash.ask')}</button>` : nothing}
    </div>`
  }

  #begin() {
    this.#kind ||= KINDS[0]
    this.#turn('asking')
    this.focusOn('kind')
  }

  #told({ kind, number, status, issue_number: issued }) {
    const line = [t(`cash.${kind}`), number && `**${number.slice(-4)}`, t(`cash.${status}`), issued && t('cash.number_is', { number: issued })]
    return html`<b>${t('cash.title')}</b> ${line.filter(Boolean).join(' · ')}`
  }

  #fields() {
    const kinds = this.order ? KINDS : ['', ...KINDS]
    return html`<label><span>${t('cash.title')}</span><select id="kind" @change=${({ target }) => this.#choose(target.value)}>
        ${kinds.map((kind) => html`<option value=${kind} ?selected=${kind === this.#kind}>${t(`cash.${kind || 'none'}`)}</option>`)}
      </select></label>
      ${this.#kind ? html`<label><span>${t(`cash.field_${this.#kind}`)}</span><input id="number" inputmode="numeric" autocomplete="off"
        maxlength="25" .value=${this.#number} aria-describedby="said" aria-invalid=${this.#said ? 'true' : 'false'}
        @input=${({ target }) => (this.#number = target.value)}></label>` : nothing}
      <p id="said" class="error" role="alert">${this.#said}</p>`
  }

  #choose(kind) {
    this.#kind = kind
    this.#number = ''
    this.#said = ''
    this.requestUpdate()
  }
}

/** Why it was refused, or '' where it was not. It never throws, and is never waited for long. */
async function call(name, values) {
  try {
    const { error } = await config.supabase.rpc(name, values).abortSignal(AbortSignal.timeout(PATIENCE_MS))
    return error ? error.message || 'not_asked' : ''
  } catch {
    return 'not_asked'
  }
}

export function defineCashReceipt() {
  addTexts({ en, ko })
  if (!customElements.get('coinslot-cash-receipt')) customElements.define('coinslot-cash-receipt', CoinslotCashReceipt)
}
