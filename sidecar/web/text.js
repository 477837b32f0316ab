// Words and numbers in the person's language.

import { announce } from './client.js'
import en from './i18n/en.json'
import ko from './i18n/ko.json'

const TEXTS = { en: { ...en }, ko: { ...ko } }
let language = null

/** The words of a part that not every page has. */
export function addTexts(more) {
  for (const [name, texts] of Object.entries(more)) Object.assign(TEXTS[name], texts)
}

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
export const t = (name, values) => filled(TEXTS[locale()], name, values)

/** Of these texts: the one of one thing, `…_one`, where there is a single one. */
export function filled(texts, name, values = {}) {
  const one = `${values.count ?? values.days}` === '1' && texts[`${name}_one`]
  return (one || texts[name])?.replace(/\{(\w+)\}/g, (_, each) => values[each] ?? '')
}

const formats = new Map()

function format(Kind, options) {
  const id = `${locale()} ${JSON.stringify(options)}`
  if (!formats.has(id)) formats.set(id, new Kind(locale() === 'ko' ? 'ko-KR' : 'en-US', options))
  return formats.get(id)
}

const at = (iso, options) => format(Intl.DateTimeFormat, options).format(new Date(iso))
const thisYear = (date) => date.getFullYear() === new Date().getFullYear()

export const number = (value, options = {}) => format(Intl.NumberFormat, options).format(value)
export const tokens = (count) => t(count === 1 ? 'token' : 'tokens', { count: number(count) })
export const time = (iso) => at(iso, { timeStyle: 'short' })

/** A day and a time of it: "Dec 5, 11:59 PM". */
export function moment(iso) {
  const year = thisYear(new Date(iso)) ? undefined : 'numeric'
  return at(iso, { year, month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' })
}

/** The last day before that moment: "December 31" also where it is midnight. */
export function lastDay(iso) {
  const last = new Date(Date.parse(iso) - 1)
  return at(last, { year: thisYear(last) ? undefined : 'numeric', month: 'long', day: 'numeric' })
}

/** Minor units (won, cents) as the currency is written. */
export function money(amount, currency) {
  const style = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }
  const written = format(Intl.NumberFormat, style)
  const value = amount / 10 ** written.resolvedOptions().maximumFractionDigits
  return currency === 'KRW' && locale() === 'ko' ? `${number(value)}원` : written.format(value)
}

export function day(iso) {
  const [today, date] = [new Date(), new Date(iso)]
  const ago = Math.round((today.setHours(0, 0, 0, 0) - date.setHours(0, 0, 0, 0)) / 86_400_000)
  if (ago === 0 || ago === 1) return t(ago ? 'yesterday' : 'today')
  const year = thisYear(date) ? undefined : 'numeric'
  return at(iso, { year, month: 'long', day: 'numeric', weekday: locale() === 'ko' ? 'long' : 'short' })
}

/** A product's name, or that of an order's, in the person's language. */
export const nameOf = ({ name, name_ko: korean }) => (locale() === 'ko' && korean) || name

const COMMON = ['card', 'transfer', 'virtual_account', 'mobile', 'easy_pay']

/** A way to pay within a sentence, where English has capitals for names alone. */
export function wayOf(method) {
  const name = t(`method.${method}`)
  const plain = !name || COMMON.includes(method)
  return plain && locale() === 'en' ? (name ?? t('method')).toLowerCase() : name ?? t('method')
}

/** Somebody else's text within a sentence: in its own direction, and short enough for it. */
export const quoted = (text) => `\u2068${[...(text ?? '')].slice(0, 60).join('')}\u2069`
