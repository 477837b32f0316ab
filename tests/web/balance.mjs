// One person after another at one browser, with the same balance: prints what each is shown.
import { balance, refreshBalance } from '../../sidecar/web/balance.js'
import { config } from '../../sidecar/web/client.js'

const LOTS = { mina: [{ tokens: 3, expires_at: '2030-01-01T00:00:00Z' }], jun: [] }
let person = 'mina'
const shown = []

Object.assign(config, {
  accessToken: async () => person && `x.${btoa(JSON.stringify({ sub: person }))}.x`,
  supabase: {
    rpc: (name) =>
      name === 'get_user_tokens'
        ? { throwOnError: async () => ({ data: 5 }) }
        : { lt: () => new Promise((resolve) => setTimeout(resolve, 2, { data: LOTS[person] })) },
  },
})

for (person of ['mina', 'mina', 'jun', null, 'mina']) {
  await refreshBalance()
  const atOnce = balance.expiring.length
  await new Promise((resolve) => setTimeout(resolve, 5))
  shown.push([person, balance.tokens, atOnce, balance.expiring.length])
}
console.log(JSON.stringify(shown))
