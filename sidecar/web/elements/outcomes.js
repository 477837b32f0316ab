// What becomes of the payments of a store: of the one that is being made, and of those from before.

import { mine, session } from '../client.js'
import { fetchAhead, later } from '../loading.js'
import { openOrders } from '../orders.js'
import { awaitedDeposits } from '../stored.js'
import { LONG_MS } from './outcome.js'
import { Telling } from './telling.js'

/** Tells the person, by the store that is its `host`, and the app, by the host's events. */
export class Outcomes extends Telling {
  buying = null // the product of the purchase that is being made

  #host
  #once = new Set()

  constructor(host) {
    super()
    this.#host = host
  }

  /** Of a store that comes into a page anew. */
  start() {
    this.#once.clear()
  }

  /** Asks about the open orders of this browser, and the awaited deposits of the person. */
  async resolve() {
    const who = await session().catch(() => null)
    this.only(mine)
    if (!who) return
    const [latest] = openOrders(who.userId).filter(({ orderId }) => orderId)
    if (latest) await this.#resolveOpen(latest)
    const still = await session().catch(() => null) // that may have taken long
    if (still?.userId !== who.userId) return
    const awaited = await awaitedDeposits(still).catch(() => [])
    for (const each of awaited) if (!this.before(each)) this.tell(each)
  }

  async #resolveOpen(latest) {
    const file = await fetchAhead()
    const told = (outcome) => {
      // Of orders that nobody has paid for, the latest says enough.
      const idle = /open|declined|canceled|expired|voided/.test(outcome.kind) && this.all.length
      if (!this.buying && (!idle || this.before(outcome))) this.tell(outcome)
    }
    if (file) await file.resolveOpenOrders(latest.userId, this.#host.signal, told)
    else if (!latest.closed) told({ ...latest, kind: 'unknown' })
  }

  /** Forgets all that does not pass. */
  only(test) {
    this.keep(test)
    this.#host.requestUpdate()
  }

  /** Bought in another tab, or on the same page by another store. */
  elsewhere(bought) {
    const before = this.before(bought)
    if (!this.buying && before) this.#show({ ...before, ...bought, kind: 'purchased' })
  }

  tell(outcome) {
    if (!mine(outcome)) return
    const before = this.before(outcome)
    if (outcome.kind === 'checking') setTimeout(() => this.#host.requestUpdate(), LONG_MS)
    this.#show({ since: Date.now(), ...outcome })
    this.announce(outcome, before)
  }

  /** Tells the app, once of each end. */
  announce(outcome, before) {
    const { kind, orderId } = outcome
    const first = !this.#once.has(kind + orderId)
    this.#host.requestUpdate()
    if (kind === 'checking') return
    this.#once.add(kind + orderId)
    if (kind === 'purchased') first && this.#host.tell('coinslot-purchased', outcome)
    else if (kind !== before?.kind) this.#host.tell('coinslot-error', outcome)
    if (kind === 'waiting' && first) {
      fetchAhead().then((file) => file?.awaitDeposit(outcome, { signal: this.#host.signal, onState: (state) => this.tell(state) }))
    }
  }

  async check(outcome) {
    const page = { signal: this.#host.signal, onState: (state) => this.tell(state) }
    this.tell({ ...outcome, kind: 'checking' })
    const file = await fetchAhead()
    this.tell(file ? await file.settleUntilKnown(outcome, page) : { ...outcome, kind: 'unknown' })
  }

  #show(outcome) {
    this.put(outcome, this.buying)
    this.#host.requestUpdate()
  }
}
