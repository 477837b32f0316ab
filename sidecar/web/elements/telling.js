// The outcomes that a store tells: of the purchase just made, and of orders from before.

// Told where the packs were; the rest is told above the button, and the packs stay.
const IN_PLACE = ['checking', 'purchased', 'waiting', 'unknown', 'review', 'returned', 'disputed', 'not_found']

export class Telling {
  result = null
  refusal = null
  notes = [] // one of each order, the latest first

  get all() {
    return [this.result, this.refusal, ...this.notes].filter(Boolean)
  }

  /** The outcome of the same order that is told already. */
  before({ orderId }) {
    return orderId && this.all.find((each) => each.orderId === orderId)
  }

  /** The end of what the person has just done. True where it takes the place of the packs. */
  end(outcome) {
    this.forget(outcome)
    const inPlace = IN_PLACE.includes(outcome.kind)
    this.result = inPlace ? outcome : null
    this.refusal = inPlace ? null : outcome
    return inPlace
  }

  /** In the place of what was told of that order before, or on top. */
  put(outcome, buying) {
    const same = (each) => each?.orderId === outcome.orderId
    if (same(this.result) || (buying && outcome.kind === 'checking')) this.result = outcome
    else if (this.notes.some(same)) this.notes = this.notes.map((each) => (same(each) ? outcome : each))
    else this.notes = [outcome, ...this.notes]
  }

  forget({ orderId }) {
    this.notes = this.notes.filter((each) => each.orderId !== orderId)
  }

  /** Makes room for the packs. Of a deposit that is waited for the account stays above them. */
  leave(outcome) {
    const awaited = outcome === this.result && outcome.kind === 'waiting' && outcome.account
    this.keep((each) => each !== outcome)
    if (awaited) this.notes = [outcome, ...this.notes]
  }

  keep(test) {
    if (this.result && !test(this.result)) this.result = null
    if (this.refusal && !test(this.refusal)) this.refusal = null
    this.notes = this.notes.filter(test)
  }
}
