import { refreshBalance, watchBalance } from '../balance.js'
import { news } from '../client.js'
import { later, resumePayment } from '../loading.js'
import css from '../styles/outcome.css'
import { CoinslotElement, sheets } from './base.js'
import { contact, copyAccount, LONG_MS, result } from './outcome.js'
import { showReceipt } from './receipt.js'

const AGAIN = ['declined', 'canceled', 'expired', 'voided']

/** Stands on the return page: what became of the payment the sidecar is asked, not the address. */
export class CoinslotResult extends CoinslotElement {
  static styles = sheets(css)
  static properties = { back: {} }

  #outcome = { kind: 'checking' }

  start() {
    this.setAttribute('aria-live', 'polite')
    watchBalance()
    this.on(news, 'balance', () => this.requestUpdate())
    this.#ask()
  }

  async #ask() {
    const { signal } = this
    this.#tell({ ...this.#outcome, kind: 'checking' })
    const onState = (told) => this.#tell(told)
    onState(await resumePayment(location, { onState, signal }))
    if (this.#outcome.kind === 'waiting') (await later()).awaitDeposit(this.#outcome, { onState, signal })
    if (this.#outcome.kind === 'purchased') refreshBalance()
    this.focusOn('result')
  }

  #tell(outcome) {
    this.#outcome = { since: Date.now(), ...outcome }
    if (outcome.kind === 'checking') setTimeout(() => this.requestUpdate(), LONG_MS)
    this.requestUpdate()
    if (outcome.kind === 'purchased') this.tell('coinslot-purchased', outcome)
    else if (outcome.kind !== 'checking') this.tell('coinslot-error', outcome)
  }

  /** Where the purchase began, and nowhere else. */
  get #from() {
    const { from } = this.#outcome
    return /^\/(?!\/)/.test(from ?? '') ? from : this.back || '/'
  }

  #actions() {
    const { kind, orderId } = this.#outcome
    const leave = () => location.assign(this.#from)
    const check = () => this.#ask()
    if (kind === 'checking') return {}
    if (kind === 'unknown' || kind === 'signed_out') return { check, back: leave }
    if (kind === 'purchased') return { back: leave, receipt: (event) => showReceipt(event.currentTarget, orderId) }
    if (kind === 'waiting') return { ...copyAccount(this.#outcome), back: leave }
    if (['review', 'disputed'].includes(kind)) return { ...contact(this.#outcome), back: leave }
    if (kind === 'closed') return { to_store: leave }
    if (kind === 'open') return { continue: leave }
    if (kind === 'declined') return { pay_other: leave }
    return AGAIN.includes(kind) ? { buy_again: leave } : { back: leave }
  }

  render() {
    return result(this.#outcome, this.#actions())
  }
}
