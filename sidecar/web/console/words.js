// Words and figures of the console.

import en from '../i18n/console/en.json'
import ko from '../i18n/console/ko.json'
import { filled, locale, money as written, nameOf, number } from '../text.js'

const WORDS = { en, ko }

export { locale, nameOf, number }

/** The text of that name, `{placeholders}` filled in. */
export const say = (name, values) => filled(WORDS[locale()], name, values)

/** One of a family, such as a status; what is new is shown as it is called. */
export const said = (family, name) => say(`${family}.${name}`) ?? String(name ?? '').replaceAll('_', ' ')

export const money = (amount, currency) => {
  try {
    return written(amount, currency)
  } catch {
    return `${number(amount)} ${currency}`
  }
}

/** In the currency that has the most of them; each of several by itself. */
export const sums = (amounts) => amounts.map(({ amount, currency }) => money(amount, currency)).join(' + ') || '–'

const tag = () => (locale() === 'ko' ? 'ko-KR' : 'en-US')
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone

export const exact = (iso) =>
  iso ? new Intl.DateTimeFormat(tag(), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso)) : '–'

/** The day alone. */
export const on = (iso) => (iso ? new Intl.DateTimeFormat(tag(), { dateStyle: 'medium' }).format(new Date(iso)) : '–')

/** A time of so many seconds in the largest unit that it is whole in. */
export function lasting(seconds) {
  const [unit, size] = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]].find(([, each]) => seconds % each === 0)
  return new Intl.NumberFormat(tag(), { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size)
}

/** "5 minutes ago" of the last day, else the day and the time. */
export function when(iso) {
  if (!iso) return '–'
  const seconds = (Date.parse(iso) - Date.now()) / 1000
  if (Math.abs(seconds) < 86_400) {
    const steps = [['hour', 3600], ['minute', 60], ['second', 1]]
    const [unit, size] = steps.find(([, each]) => Math.abs(seconds) >= each) ?? steps[2]
    return new Intl.RelativeTimeFormat(tag(), { numeric: 'auto', style: 'short' }).format(Math.round(seconds / size), unit)
  }
  const year = new Date(iso).getFullYear() === new Date().getFullYear() ? {} : { year: 'numeric' }
  return new Intl.DateTimeFormat(tag(), { ...year, month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' }).format(new Date(iso))
}

export const dayOf = (day) =>
  new Intl.DateTimeFormat(tag(), { month: 'numeric', day: 'numeric', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`))

/** A short figure for an axis: 1.2M, 120만. */
export const short = (value) => new Intl.NumberFormat(tag(), { notation: 'compact', maximumFractionDigits: 1 }).format(value)

/** The day in the zone of whoever looks, so many days from today. */
export function day(ago = 0) {
  const date = new Date(Date.now() - ago * 86_400_000)
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone() }).format(date)
}

/** What is said of a refusal. */
export function complaint(error) {
  if (error.lost) return say('ask.unsure')
  const { code, details = {} } = error
  const amount = (value) => (details.currency ? money(value, details.currency) : number(value ?? 0))
  const values = { ...details, code, left: amount(details.left), refundable: amount(details.refundable) }
  return say(`err.${code}`, values) ?? say('err.other', { code })
}
