// Scenes of a basket and of a code, over the database's answers: `node … NAME` prints what one answers.
import { Basket, choicesOf, orderedOf } from '../../sidecar/web/elements/basket.js'
import { config } from '../../sidecar/web/client.js'
import { verdict } from '../../sidecar/web/settle.js'
import { beginOrder } from '../../sidecar/web/orders.js'

const asked = []
let answers = []
const token = `x.${btoa(JSON.stringify({ sub: 'mina' }))}.x`
Object.assign(config, {
  takesCodes: true,
  maxQuantity: 10,
  accessToken: async () => token,
  supabase: {
    rpc(name, values) {
      if (name === 'list_token_lots') return { lt: async () => ({ data: [] }) }
      asked.push([name, values])
      const { error = null, ...data } = answers.shift() ?? { error: { message: 'lost' } }
      const answer = Promise.resolve({ data, error, status: error ? 400 : 200 })
      return Object.assign(answer, { throwOnError: () => answer })
    },
  },
})
let free = true
const host = { requestUpdate() {}, focusOn() {}, on() {} }
const basket = new Basket(host, () => free)
const view = (offer = pack) => basket.of(offer, { gateway: 'toss' })
const press = { preventDefault() {} }
async function give(code, ...told) {
  answers = told
  view().onCodeText({ target: { value: code } })
  view().onCode(press)
  await new Promise((resolve) => setTimeout(resolve, 5))
}
async function follow(offer, ...told) {
  answers = told
  basket.follow({ basket: view(offer).basket, method: { gateway: 'toss' } })
  await new Promise((resolve) => setTimeout(resolve, 5))
}

const pack = { id: 'starter', currency: 'KRW', tokens: 10, amount: 5000 }
const tiered = {
  ...pack,
  tiers: [
    { quantity: 5, percent_off: 10, tokens: 50, amount: 22500 },
    { quantity: 20, percent_off: 25, tokens: 200, amount: 75000 },
  ],
}
const usable = { outcome: 'usable', code: 'SPRING', kind: 'percent', amount: 4000 }

const scenes = {
  async choices() {
    return [choicesOf(pack), choicesOf(tiered)].map((all) => all.map((each) => each.quantity))
  },
  async several() {
    const one = view(tiered).basket
    view(tiered).onQuantity(5)
    const five = view(tiered).basket
    return { one, five, ordered: orderedOf(five), plain: orderedOf(one), other: view(pack).basket.quantity }
  },
  async paying() {
    free = false
    view(tiered).onQuantity(5)
    await give('spring', usable)
    return [view(tiered).basket.quantity, asked]
  },
  async usable() {
    await give(' spring ', usable)
    const { basket: with_, code } = view()
    return { total: with_.total, ordered: orderedOf(with_), applied: code.applied, asked }
  },
  async refused() {
    const said = []
    for (const outcome of ['not_found', 'used', 'exhausted', 'new_word']) {
      await give('spring', { outcome })
      said.push([view().basket.total, view().code.said.text])
    }
    await give('spring', { error: { message: 'too_many_codes' } })
    return [...said, [view().basket.total, view().code.said.text]]
  },
  async 'other pack'() {
    await give('spring', usable)
    const other = { ...pack, id: 'standard', amount: 12000 }
    const before = view(other)
    await follow(other, { ...usable, amount: 9600 })
    const after = view(other)
    await follow(other)
    return { pending: before.pending, unpriced: before.basket.total, total: after.basket.total, times: asked.length }
  },
  async 'not for it'() {
    await give('spring', usable)
    const other = { ...pack, id: 'standard', amount: 12000 }
    await follow(other, { outcome: 'not_for_this' })
    return [view(other).basket.total, view(other).pending, view().basket.total, view().code.text]
  },
  async tokens() {
    await give('gift', { outcome: 'for_tokens', kind: 'tokens', code: 'GIFT' }, { error: { message: 'lost' } })
    const lost = view().code.said.text
    await give('gift', { outcome: 'for_tokens', kind: 'tokens', code: 'GIFT' }, { outcome: 'redeemed', tokens: 8 })
    const keys = asked.filter(([name]) => name === 'redeem_token_code').map(([, values]) => values.idempotency_key)
    return { lost, said: view().code.said, same: keys[0] === keys[1], total: view().basket.total, times: keys.length }
  },
  async ends() {
    const left = []
    for (const kind of ['purchased', 'waiting', 'code_refused', 'declined']) {
      await give('spring', usable)
      basket.end({ kind })
      left.push(Boolean(view().code.applied))
    }
    return left
  },
  async again() {
    const coded = basket.again(tiered, { quantity: 5, promoCode: 'SPRING', tokens: 50, amount: 20000 })
    return [coded.total, orderedOf(coded), basket.again(tiered, {}).total]
  },
  async orders() {
    const wish = { userId: 'mina', productId: 'starter', gateway: 'toss', currency: 'KRW' }
    const orders = [wish, wish, { ...wish, quantity: 5 }, { ...wish, promoCode: 'A' }, { ...wish, promoCode: 'B' }]
    return orders.map((each) => beginOrder(each).key).map((key, index, all) => all.indexOf(key))
  },
  async verdicts() {
    const codes = [['code_not_usable', 409], ['code_not_found', 404], ['identity_required', 403]]
    return codes.map(([code, status]) => verdict({ code, status }).kind)
  },
}

console.log(JSON.stringify(await scenes[process.argv[2]]()))
