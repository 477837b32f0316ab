import { defineCoinslot, refreshBalance } from 'coinslot'

const $ = (selector) => document.querySelector(selector)
const sidecarUrl = $('meta[name=sidecar]').content
const config = await (await fetch(`${sidecarUrl}/store/config`)).json()
const client = globalThis.supabase.createClient(config.supabaseUrl, config.anonKey)
await defineCoinslot({ ...config, supabase: client, sidecarUrl })

for (const feature of ['question', 'answer']) {
  $(`#${feature}`).addEventListener('click', async () => {
    const spend = ({ key }) => client.rpc('use_feature', { feature, idempotency_key: key })
    const { error } = await $('coinslot-paywall').guard(spend)
    $('#said').textContent = error ? error.message : '답변이에요.'
    refreshBalance()
  })
}

$('main coinslot-store').addEventListener('coinslot-purchased', ({ detail }) => {
  $('#said').textContent = `토큰 ${detail.tokens}개, 고마워요.`
})
