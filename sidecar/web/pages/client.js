// What both pages begin with: the language, this server's settings, supabase-js, the components.
import { defineCoinslot } from '/web/coinslot.js'
import { chosen, locale, say, speak } from './words.js'

await speak(chosen()).catch(() => {})

// Nothing has been asked of anybody yet, so nothing can have been bought or spent.
export const trouble = (text) => {
  const notice = document.querySelector('#trouble')
  notice.hidden = !text
  notice.textContent = text ?? ''
}

export const start = async () => {
  try {
    const answer = await fetch('/store/config')
    if (!answer.ok) throw new Error(`the configuration answered ${answer.status}`)
    const config = await answer.json()
    const client = window.supabase?.createClient(config.supabaseUrl, config.anonKey)
    const { gateways, sdk } = config
    // Without supabase-js nobody is signed in; a payment is looked after all the same.
    const accessToken = client ? undefined : async () => null
    await defineCoinslot({ supabase: client, accessToken, locale: locale(), gateways, sdk })
    return { config, client }
  } catch (error) {
    trouble(say('The store cannot be reached right now. Nothing was bought or spent; load the page again.'))
    throw error
  }
}
