import { CoinslotElement } from '../dom.js'
import { awaitDeposit } from '../settle.js'
import { notice } from './notice.js'

/** What a return page holds: asks what became of the payment, and tells it. */
export class CoinslotResult extends CoinslotElement {
  #outcome = { kind: 'checking' }

  start() {
    this.setAttribute('aria-live', 'polite')
    this.render()
    this.#resume()
  }

  async #resume() {
    const { signal } = this
    const onState = (outcome) => this.#tell(outcome)
    const { resumePayment } = await import('../resume.js')
    this.#tell(await resumePayment(globalThis.location, { onState, signal }))
    if (this.#outcome.kind === 'waiting') awaitDeposit(this.#outcome, { onState, signal })
  }

  #tell(outcome) {
    if (!outcome) return
    this.#outcome = outcome
    this.render()
    if (outcome.kind === 'purchased') this.tell('coinslot-purchased', outcome)
    else if (outcome.kind !== 'checking') this.tell('coinslot-error', outcome)
  }

  render() {
    const { kind, from } = this.#outcome
    const back = /^\/(?!\/)/.test(from ?? '') ? from : this.getAttribute('back') || '/'
    const actions = {}
    if (kind === 'unknown' || kind === 'signed_out') actions.check = () => this.#resume()
    if (kind !== 'checking') actions.back = () => location.assign(back)
    this.show(notice(this.#outcome, actions))
  }
}
