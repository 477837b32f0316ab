// One person after another at one browser, with the same balance: prints what each is shown.
import { balance, refreshBalance } from '../../sidecar/web/balance.js'
import { config } from '../../sidecar/web/client.js'

const LOTS = { mina: [{ tokens: 3, expires_at: '2030-01-01T00:00:00Z' }], jun: [] }
let person = 'mina'
let after = null // who is there as soon as the page has looked
const shown = []

const tokenOf = (name) => `x.${btoa(JSON.stringify({ sub: name }))}.x`

/** As supabase-js: it asks in the name of whoever is there, unless it is told in whose. */
const balanceOf = () => ({
  by: null,
  setHeader(name, value) {
    this.by = name === 'Authorization' ? value : this.by
    return this
  },
  then(resolve) {
    resolve({ data: (this.by ?? `Bearer ${tokenOf(person)}`) === `Bearer ${tokenOf('kim')}` ? 9 : 5 })
  },
})

Object.assign(config, {
  accessToken: async () => {
    const token = person && tokenOf(person)
    if (after) [person, after] = [after, null]
    return token
  },
  supabase: {
    rpc: (name) =>
      name === 'get_user_tokens'
        ? { throwOnError: balanceOf }
        : { lt: () => new Promise((resolve) => setTimeout(resolve, 2, { data: LOTS[person] })) },
  },
})

for (person of ['mina', 'mina', 'jun', null, 'mina']) {
  await refreshBalance()
  const atOnce = balance.expiring.length
  await new Promise((resolve) => setTimeout(resolve, 5))
  shown.push([person, balance.tokens, atOnce, balance.expiring.length])
}
person = 'mina'
after = 'kim'
await refreshBalance()
shown.push(['mina', balance.tokens])
console.log(JSON.stringify(shown))
