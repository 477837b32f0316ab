import { html, nothing } from 'lit'
import { balance, refreshBalance, watchBalance } from '../balance.js'
import { news } from '../client.js'
import css from '../styles/balance.css'
import { t, tokens } from '../text.js'
import { expiring } from './expiring.js'
import { CoinslotElement, sheets } from './base.js'

const LOW = 3

export class CoinslotBalance extends CoinslotElement {
  static styles = sheets(css)
  static properties = { low: { type: Number } }

  start() {
    watchBalance()
    this.on(news, 'balance', ({ detail }) => {
      this.requestUpdate()
      this.tell('coinslot-balance', { tokens: detail.tokens })
    })
    this.on(news, 'expiring', () => this.requestUpdate())
    refreshBalance()
  }

  render() {
    const { tokens: count, stale, signedIn } = balance
    const known = count !== null
    const low = known && count < (this.low ?? LOW)
    const ending = known && expiring().join('. ')
    const text = known ? tokens(count) : signedIn === false ? t('balance.none') : '\u2013'
    const content = html`<span class="coin" aria-hidden="true"></span>
      <span class="unseen">${known ? t('balance.label') : nothing}</span>
      <output class="figure">${text}</output>
      ${low ? html`<span class="unseen">${t('balance.low')}</span>` : nothing}
      ${ending ? html`<span class="unseen">${ending}</span>` : nothing}`
    return stale
      ? html`<button type="button" class="chip stale" title=${t('balance.stale')} @click=${refreshBalance}>
          ${content}<span class="unseen">${t('balance.stale')}</span></button>`
      : html`<span class=${low ? 'chip low' : 'chip'} title=${ending || nothing}>${content}</span>`
  }
}
