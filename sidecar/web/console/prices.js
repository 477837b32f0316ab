// Prices of a moment, and what buyers are told of them: the discounts of the view token_offers.

/** What a product costs at a time, by what is planned now. */
export const pricesAt = (product, at) => product.planned.reduce(
  (prices, { currency, amount, starts_at: from }) => (Date.parse(from) <= at ? { ...prices, [currency]: amount } : prices), product.prices)

const onSale = (product, at) => product.active && !(Date.parse(product.tokens_end_at) <= at)

/** How much cheaper a token is than in the smallest pack on sale, in whole percents and never more than it is. */
export function discountOf(products, product, currency, at = Date.now()) {
  const amount = product.prices[currency]
  if (!product.tokens || !amount || !onSale(product, at)) return 0
  const packs = products.filter((each) => each.tokens > 0 && each.prices[currency] && onSale(each, at))
  const smaller = (one, other) => other.tokens < one.tokens || (other.tokens === one.tokens && other.prices[currency] < one.prices[currency])
  const least = packs.reduce((one, other) => (smaller(one, other) ? other : one), product)
  const asked = 100n * BigInt(amount) * BigInt(least.tokens)
  const full = BigInt(product.tokens) * BigInt(least.prices[currency])
  return Math.max(0, Number(100n - (asked + full - 1n) / full))
}

/** All products with the prices of a time. */
export const catalogueAt = (products, at) => products.map((each) => ({ ...each, prices: pricesAt(each, at) }))
