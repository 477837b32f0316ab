// How people pay: by methods that they know the names of. The shop says which gateway takes each.

import { config } from './client.js'
import { GATEWAYS } from './gateways/names.js'

/**
 * The methods of a currency in the shop's order: `{id, gateway, others, …}`. `others` are gateways that
 * take the same method, for when nothing has begun at the first. With `only`, those of one gateway.
 */
export function methodsIn(currency, only) {
  const all = (only ? null : config.methods) ?? derived(only)
  const found = new Map()
  for (const each of all.filter((method) => method.currency === currency || !method.currency)) {
    const before = found.get(each.id)
    if (before) before.others.push(each.gateway)
    else found.set(each.id, { ...each, others: [...(each.fallbacks ?? [])] })
  }
  return [...found.values()]
}

/** Of a sidecar that names no methods: what its gateways take, in their order. */
function derived(only) {
  const names = only ? [only] : Object.keys(config.gateways)
  return names
    .filter((name) => config.gateways[name])
    .flatMap((gateway) => {
      const known = GATEWAYS[gateway] ?? {}
      const ids = config.gateways[gateway].methods ?? known.methods ?? ['card']
      const currencies = known.currencies ?? [undefined]
      return currencies.flatMap((currency) => ids.map((id) => ({ id, gateway, currency, inline: known.inline })))
    })
}

/** What may be said under the methods of the chosen one: the name of a text. */
export const hintOf = ({ id, inline }) => (inline === 'payment' ? 'hint.fields' : `hint.${id}`)
