import { CoinslotElement } from '../dom.js'
import { notice } from './notice.js'

/** What a return page holds. What it takes to tell of the payment is loaded nowhere else. */
export class CoinslotResult extends CoinslotElement {
  render() {}

  async start() {
    this.setAttribute('aria-live', 'polite')
    try {
      const { follow } = await import('../resume.js')
      this.render = follow(this)
    } catch {
      this.show(notice({ kind: 'unknown' }, { check: () => location.reload() }))
    }
  }
}
