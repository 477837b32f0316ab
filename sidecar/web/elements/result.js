import { CoinslotElement } from '../dom.js'
import { notice } from './notice.js'

/** Stands on the return page. Only there is loaded what it takes to tell of the payment. */
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
