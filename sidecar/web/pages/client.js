// What both pages begin with: the language, this server's settings, supabase-js, the components.
import { chosen, locale, speak } from './words.js'

export const trouble = (text) => {
  const notice = document.querySelector('#trouble')
  notice.hidden = !text
  notice.textContent = text ?? ''
}

export const start = async ({ signedIn }) => {
  try {
    await speak(chosen())
    const coinslot = await import('/web/coinslot.js')
    const answer = await fetch('/store/config')
    if (!answer.ok) throw new Error(`the configuration answered ${answer.status}`)
    const config = await answer.json()
    const client = window.supabase?.createClient(config.supabaseUrl, config.anonKey)
    if (!client && signedIn) throw new Error('supabase-js did not load')
    // Without it nobody is signed in; a payment is looked after all the same.
    const accessToken = client ? undefined : async () => null
    const { gateways, sdk } = config
    await coinslot.defineCoinslot({ supabase: client, accessToken, locale: locale(), gateways, sdk })
    return { config, client, coinslot }
  } catch (error) {
    console.info(error)
    document.querySelector('#unreachable').hidden = false
    return null
  }
}
