// What all pages begin with: this server's settings, who is signed in, the components.
import { defineCoinslot } from '../coinslot.js'
import { createClient } from './supabase.js'
import { locale } from './words.js'

export const $ = (selector) => document.querySelector(selector)

export const trouble = (text) => {
  Object.assign($('#trouble'), { hidden: !text, textContent: text ?? '' })
}

/** Not waited for: who sells elsewhere loads nothing of them, and a purchase needs none. */
const receipts = async (options) => {
  const file = '/web/cash-receipts.js'
  const { defineCoinslotCashReceipts } = await import(file)
  await defineCoinslotCashReceipts(options)
}

/** The settings stand in the page; `offers` with them, where it was written with its packs. */
export const start = async () => {
  try {
    const { offers, ...config } = JSON.parse($('#coinslot-config').textContent)
    const client = createClient(config.supabaseUrl, config.anonKey)
    await defineCoinslot({ ...config, supabase: client, locale: locale(), offers })
    if (config.methods?.some((each) => each.cashReceipt)) receipts({ ...config, supabase: client, locale: locale() })
    $('#unreachable').hidden = true
    return { config, client }
  } catch (error) {
    console.info(error)
    $('#unreachable').classList.remove('late')
    return null
  }
}
