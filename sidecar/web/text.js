// Words and numbers in the person's language.

import { announce } from './client.js'
import en from './i18n/en.json'
import ko from './i18n/ko.json'

const TEXTS = { en, ko }
let language = null

export const locale = () => language ?? wanted()

function wanted() {
  const { document, navigator } = globalThis
  return /^ko/i.test(document?.documentElement.lang || navigator?.language) ? 'ko' : 'en'
}

/** Without a language: the page's, else the browser's. */
export async function setLocale(name) {
  language = name ? (/^ko/i.test(name) ? 'ko' : 'en') : wanted()
  announce('locale')
}

/** The text of that name, `{placeholders}` filled in; undefined where there is none. */
export function t(name, values = {}) {
  return TEXTS[locale()][name]?.replace(/\{(\w+)\}/g, (_, each) => values[each] ?? '')
}

const formats = new Map()

function format(Kind, options) {
  const id = `${locale()} ${JSON.stringify(options)}`
  if (!formats.has(id)) formats.set(id, new Kind(locale() === 'ko' ? 'ko-KR' : 'en-US', options))
  return formats.get(id)
}

const at = (iso, options) => format(Intl.DateTimeFormat, options).format(new Date(iso))
export const number = (value, options = {}) => format(Intl.NumberFormat, options).format(value)
export const tokens = (count) => t(count === 1 ? 'token' : 'tokens', { count: number(count) })
export const time = (iso) => at(iso, { timeStyle: 'short' })
export const moment = (iso) => at(iso, { dateStyle: 'medium', timeStyle: 'short' })

/** Minor units (won, cents) as the currency is written. */
export function money(amount, currency) {
  const written = format(Intl.NumberFormat, { style: 'currency', currency })
  return written.format(amount / 10 ** written.resolvedOptions().maximumFractionDigits)
}

export function day(iso) {
  const [today, date] = [new Date(), new Date(iso)]
  const ago = Math.round((today.setHours(0, 0, 0, 0) - date.setHours(0, 0, 0, 0)) / 86_400_000)
  if (ago === 0 || ago === 1) return t(ago ? 'yesterday' : 'today')
  const year = date.getFullYear() === today.getFullYear() ? undefined : 'numeric'
  return at(iso, { year, month: 'long', day: 'numeric', weekday: 'short' })
}
