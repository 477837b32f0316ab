import { html, nothing } from 'lit'
import { watchBalance } from '../balance.js'
import { news } from '../client.js'
import { later } from '../loading.js'
import css from '../styles/history.css'
import { t } from '../text.js'
import { CoinslotElement, sheets } from './base.js'

/** What became of tokens and money, newest first. What it shows is in the later file: activity.js. */
export class CoinslotHistory extends CoinslotElement {
  static styles = sheets(css)

  #activity = null
  #failed = false

  start() {
    watchBalance()
    this.on(news, 'balance expiring', () => this.requestUpdate())
    this.on(news, 'purchased signed changed', () => this.reload())
    this.reload()
  }

  disconnectedCallback() {
    super.disconnectedCallback()
    this.#activity?.stop()
  }

  async reload() {
    this.#told({ failed: false })
    const { Activity } = await later().catch(() => ({}))
    if (!Activity) return this.#told({ failed: true })
    this.#activity ??= new Activity(this)
    return this.#activity.reload()
  }

  #told({ failed }) {
    this.#failed = failed
    this.requestUpdate()
  }

  updated() {
    this.#activity?.updated()
  }

  render() {
    return this.#activity?.render() ?? html`<div class="head"><h2 part="title">${t('history.title')}</h2></div>
      <div class="end" role="status"><p class="quiet">${t(this.#failed ? 'history.failed' : 'history.loading')}</p>
        ${this.#failed ? html`<button type="button" class="plain small" @click=${() => this.reload()}>${t('again')}</button>` : nothing}</div>`
  }
}
