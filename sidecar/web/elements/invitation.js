import { html, nothing } from 'lit'
import { config, inTheNameOf, news, session } from '../client.js'
import en from '../i18n/invitation/en.json'
import ko from '../i18n/invitation/ko.json'
import { keep, kept } from '../orders.js'
import css from '../styles/invitation.css'
import { addTexts, number, t, tokens } from '../text.js'
import { CoinslotElement, sheets } from './base.js'
import { copy } from './outcome.js'

const INVITED = 'coinslot:invited' // the code that somebody came with, until they have answered
const STATUSES = ['pending', 'qualified', 'rewarded', 'reversed']
// Nothing that is tried again would end otherwise.
const OVER = ['accepted', 'not_found', 'own', 'already', 'has_bought', 'circle', 'off']

/** A person's own code, what has become of it, and the code of somebody else. */
export class CoinslotInvitation extends CoinslotElement {
  static styles = sheets(css)
  static properties = { link: {} }

  #told = null // as the database answers
  #state = 'loading' // shown, signed_out, failed
  #code = ''
  #asking = false
  #said = null

  start() {
    const code = new URLSearchParams(location.search).get('code')
    if (code) keep('localStorage', INVITED, code.slice(0, 40))
    this.#code = kept('localStorage', INVITED) ?? ''
    this.on(news, 'signed', () => this.reload())
    this.reload()
  }

  async reload() {
    const who = await session().catch(() => false)
    if (!who) return this.#turn(who === null ? 'signed_out' : 'failed', null)
    const { data, error, status } = await inTheNameOf(who, config.supabase.rpc('get_token_invitation'))
    return this.#turn(error ? (status === 401 ? 'signed_out' : 'failed') : 'shown', data ?? null)
  }

  #turn(state, told = this.#told) {
    this.#state = state
    this.#told = told
    this.requestUpdate()
  }

  async #accept(event) {
    event.preventDefault()
    const code = this.#code.trim()
    if (!code || this.#asking) return
    this.#asking = true
    this.requestUpdate()
    const { data, error } = await config.supabase.rpc('accept_token_invitation', { code })
    this.#asking = false
    this.#said = error ? (error.message === 'too_many_codes' ? 'too_many' : 'unknown') : data
    if (OVER.includes(this.#said)) keep('localStorage', INVITED, null)
    if (this.#said === 'accepted') await this.reload()
    this.requestUpdate()
  }

  get #address() {
    const address = new URL(this.link || location.pathname, location.href)
    address.searchParams.set('code', this.#told.code)
    return address.href
  }

  async #share({ currentTarget: button }) {
    if (!navigator.share) return copy(button, this.#address)
    // Left without sharing, nothing has to be said.
    return navigator.share({ url: this.#address }).catch(() => {})
  }

  // ---- how it looks ----

  render() {
    if (this.#state === 'loading') return html`<p class="quiet" role="status">${t('invite.loading')}</p>`
    if (this.#state === 'signed_out') return html`${this.#invited()}<p class="quiet">${t('invite.signed_out')}</p>`
    if (this.#state === 'failed') {
      return html`<p role="alert">${t('invite.failed')}</p>
        <button type="button" class="plain" @click=${() => this.reload()}>${t('again')}</button>`
    }
    const { reward, bonus } = this.#told
    if (!reward && !bonus) return html`<p class="quiet">${t('invite.off')}</p>`
    const parts = [this.#own(), this.#accepting()]
    return html`<div class="parts">${this.#code ? parts.reverse() : parts}</div>`
  }

  #invited() {
    return this.#code ? html`<p>${t('invite.came')}</p>` : nothing
  }

  #own() {
    const { code, reward, bonus, most, invited } = this.#told
    const gives = reward && bonus ? 'both' : reward ? 'reward' : 'bonus'
    return html`<section class="own">
      <h2>${t('invite.title')}</h2>
      <p class="say">${t(`invite.${gives}`, { reward: tokens(reward), bonus: tokens(bonus) })} ${t('invite.later')}</p>
      <p class="code"><span>${t('invite.code')}</span><b class="figure" translate="no">${code}</b></p>
      ${navigator.share || navigator.clipboard
        ? html`<button type="button" @click=${(event) => this.#share(event)}>${t(navigator.share ? 'invite.share' : 'invite.copy')}</button>`
        : nothing}
      <dl>${STATUSES.filter((status) => invited[status] || status !== 'reversed').map((status) => html`<div>
        <dt>${t(`invite.${status}`)}</dt><dd class="figure">${number(invited[status] ?? 0)}</dd></div>`)}</dl>
      ${reward ? html`<p class="quiet">${t('invite.most', { count: number(most) })}</p>` : nothing}
    </section>`
  }

  /** Of somebody who was invited: how it goes; of others: a field for the code. */
  #accepting() {
    const { accepted } = this.#told
    if (accepted) return html`<p class="was" role="status">${t(`invite.was_${accepted}`)}</p>`
    const said = this.#said && this.#said !== 'accepted' ? t(`invite.${this.#said}`) : nothing
    return html`<section>
      <h2>${t(this.#code && !this.#said ? 'invite.came' : 'invite.ask')}</h2>
      <form @submit=${(event) => this.#accept(event)} novalidate>
        <label for="code">${t('invite.field')}</label>
        <div><input id="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="40"
          .value=${this.#code} aria-describedby="said" @input=${({ target }) => (this.#code = target.value)}>
        <button class="plain" aria-busy=${this.#asking ? 'true' : 'false'}>${t('invite.accept')}</button></div>
        <p id="said" role="status" class="error">${said}</p>
      </form>
    </section>`
  }
}

export function defineInvitation() {
  addTexts({ en, ko })
  if (!customElements.get('coinslot-invitation')) customElements.define('coinslot-invitation', CoinslotInvitation)
}
