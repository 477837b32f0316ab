// What is set: who sells, and the rules of the shop. Each change is asked for, and noted.

import { html, nothing } from 'lit'
import { get } from '../api.js'
import { ask } from '../dialog.js'
import { facts, heading } from '../parts.js'
import { lasting, number, said, say } from '../words.js'

export const load = () => get('settings')

const [MINUTE, DAY] = [60, 86_400]
/** Of what each setting is written in: a number of these. */
const UNITS = { order_lifetime: MINUTE, deposit_lifetime: DAY, expiring_ahead: DAY, returned_lifetime: DAY, referral_wait: DAY, subscription_grace: DAY, endpoint_patience: DAY, renewal_ahead: DAY, yearly_renewal_ahead: DAY }
/** Hours of the day, 0 to 24, in the time zone of the seller. */
const HOURS = ['charge_from_hour', 'charge_until_hour']
const SWITCHES = ['anonymous_purchases', 'auto_top_up']
/** Those that are one of some words. */
const CHOICES = { cash_receipts: ['off', 'on_request', 'always'] }
/** Those that may be empty, which switches them off. */
const OPTIONAL = ['low_mark', 'expiring_ahead', 'refund_days', 'declines_in_a_row', 'refunds_in_a_row', 'renewal_ahead', 'yearly_renewal_ahead']
const GROUPS = {
  tokens: ['signup_bonus', 'low_mark', 'low_margin', 'expiring_ahead', 'returned_lifetime'],
  orders: ['order_lifetime', 'deposit_lifetime', 'max_open_orders', 'max_quantity', 'anonymous_purchases', 'refund_days'],
  invitations: ['referral_reward', 'referral_bonus', 'referral_wait', 'max_referrals'],
  subscriptions: ['subscription_grace', 'charge_from_hour', 'charge_until_hour', 'renewal_ahead', 'yearly_renewal_ahead', 'auto_top_up'],
  receipts: ['cash_receipts', 'cash_receipts_from'],
  warnings: ['declines_in_a_row', 'refunds_in_a_row', 'endpoint_patience'],
}
const BUSINESS = ['name', 'ceo', 'registration', 'mail_order', 'address', 'phone', 'email', 'name_en', 'ceo_en', 'address_en']
const LINKS = ['terms', 'refunds', 'privacy', 'support']
const UNATTENDED = ['none', 'periodic', 'at_will']

function shown(name, value) {
  if (value === null || value === undefined || value === '') return say('set.none')
  if (SWITCHES.includes(name)) return say(value ? 'set.yes' : 'set.no')
  if (CHOICES[name]) return said('set.choice', value)
  if (HOURS.includes(name)) return `${String(value).padStart(2, '0')}:00`
  return UNITS[name] ? lasting(value) : number(value)
}

/** As it stands in a field, and back: empty is null, a time is in its unit. */
const written = (name, value) => (value === null ? '' : UNITS[name] ? value / UNITS[name] : value)
function read(name, value) {
  if (SWITCHES.includes(name)) return value === true
  if (CHOICES[name]) return value
  if (String(value).trim() === '') return null
  return Math.round(Number(value) * (UNITS[name] ?? 1))
}

/** The fields whose values are others than those that were seen. */
const changesOf = (names, seen, given) => Object.fromEntries(names.map((name) => [name, read(name, given[name])]).filter(([name, value]) => value !== seen[name]))

function askGroup(group, names, seen) {
  ask({
    title: say('set.title', { name: say(`set.group.${group}`) }), text: say(`set.about.${group}`), reasons: false,
    action: 'set_settings', about: 'settings',
    fields: names.map((name) => SWITCHES.includes(name)
      ? { name, label: say(`set.${name}`), type: 'checkbox', value: seen[name] }
      : CHOICES[name] ? { name, label: say(`set.${name}`), options: CHOICES[name].map((each) => [each, said('set.choice', each)]), value: seen[name] }
      : HOURS.includes(name) ? { name, label: label(name), type: 'number', min: 0, max: 24, step: 1, value: seen[name], required: true }
      : { name, label: label(name), type: 'number', min: 0, step: 'any', value: written(name, seen[name]), required: !OPTIONAL.includes(name), hint: OPTIONAL.includes(name) ? say('set.empty') : undefined }),
    facts: (given) => Object.entries(changesOf(names, seen, given)).map(([name, value]) => [say(`set.${name}`), shown(name, seen[name]), shown(name, value)]),
    values: (given) => ({ changes: changesOf(names, seen, given), expected: Object.fromEntries(names.map((name) => [name, seen[name]])) }),
    verb: () => say('set.save'),
  })
}
const label = (name) => (HOURS.includes(name) ? say('set.in', { name: say(`set.${name}`), unit: say('set.unit.hour') })
  : UNITS[name] ? say('set.in', { name: say(`set.${name}`), unit: say(`set.unit.${UNITS[name]}`) }) : say(`set.${name}`))

const askLinks = (seen) => ask({
  title: say('set.title', { name: say('set.group.links') }), reasons: false, action: 'set_settings', about: 'settings',
  fields: LINKS.map((name) => ({ name, label: say(`set.link.${name}`), value: seen[name] ?? '' })),
  facts: (given) => LINKS.filter((name) => given[name].trim() !== (seen[name] ?? '')).map((name) => [say(`set.link.${name}`), seen[name] ?? say('set.none'), given[name].trim() || say('set.none')]),
  values: (given) => ({ changes: { links: Object.fromEntries(LINKS.map((name) => [name, given[name].trim()]).filter(([, value]) => value)) }, expected: { links: seen } }),
  verb: () => say('set.save'),
})

/** What of the seller is others than it was seen; the rest is left to whoever changes it meanwhile. */
function sellerChanges({ business, tax_status: tax, time_zone: zone }, given) {
  const names = BUSINESS.filter((name) => given[name].trim() !== (business[name] ?? ''))
  return {
    ...(names.length ? { business: Object.fromEntries(names.map((name) => [name, given[name].trim() || null])) } : {}),
    ...(given.tax === tax ? {} : { tax_status: given.tax }),
    ...(given.zone.trim() === zone ? {} : { time_zone: given.zone.trim() }),
  }
}

const askSeller = (seller, statuses) => ask({
  title: say('set.title', { name: say('set.group.seller') }), text: say('set.about.seller'), reasons: false, action: 'set_seller', about: 'seller',
  fields: [
    ...BUSINESS.map((name) => ({ name, label: say(`set.business.${name}`), value: seller.business[name] ?? '' })),
    { name: 'tax', label: say('set.tax_status'), options: statuses.map((each) => [each, said('tax', each)]), value: seller.tax_status },
    { name: 'zone', label: say('rep.zone'), value: seller.time_zone, required: true },
  ],
  facts: (given) => {
    const { business = {}, tax_status: tax, time_zone: zone } = sellerChanges(seller, given)
    return [
      ...Object.entries(business).map(([name, value]) => [say(`set.business.${name}`), seller.business[name] ?? say('set.none'), value ?? say('set.none')]),
      ...(tax ? [[say('set.tax_status'), said('tax', seller.tax_status), said('tax', tax)]] : []),
      ...(zone ? [[say('rep.zone'), seller.time_zone, zone]] : []),
    ]
  },
  values: (given) => sellerChanges(seller, given),
  verb: () => say('set.save'),
})

const askUnattended = (gateway) => ask({
  title: say('set.title', { name: gateway.name }), text: say('set.about.unattended'), reasons: false, action: 'set_unattended', about: gateway.id,
  fields: [{ name: 'unattended', label: say('set.unattended'), options: UNATTENDED.map((each) => [each, said('unattended', each)]), value: gateway.unattended }],
  facts: ({ unattended }) => [[say('set.unattended'), said('unattended', gateway.unattended), said('unattended', unattended)]],
  values: ({ unattended }) => ({ unattended }),
  verb: () => say('set.save'),
})

const card = (title, pairs, change) => html`<section class="card"><div class="title"><h2>${title}</h2>${change ? html`<button type="button" class="plain small" aria-label=${`${say('set.change')}: ${title}`} @click=${change}>${say('set.change')}</button>` : nothing}</div>${facts(pairs)}</section>`

export function view({ data, me }) {
  const { settings, seller, gateways, can } = data
  return html`${heading(say('nav.settings'))}
    <div class="cards wide-cards">
      ${card(say('set.group.seller'), [
        ...BUSINESS.map((name) => [say(`set.business.${name}`), seller.business[name] ?? say('set.none')]),
        [say('set.tax_status'), said('tax', seller.tax_status)], [say('rep.zone'), seller.time_zone],
      ], can.set_seller && (() => askSeller(seller, data.tax_statuses)))}
      ${card(say('set.group.links'), LINKS.map((name) => [say(`set.link.${name}`), settings.links[name] ?? say('set.none')]), can.set_settings && (() => askLinks(settings.links)))}
      ${Object.entries(GROUPS).map(([group, names]) => card(say(`set.group.${group}`), names.map((name) => [say(`set.${name}`), shown(name, settings[name])]), can.set_settings && (() => askGroup(group, names, settings))))}
      <section class="card"><h2>${say('set.group.unattended')}</h2>${facts(gateways.map((each) => [each.name, html`${said('unattended', each.unattended)}${can.set_unattended ? html` <button type="button" class="plain small" aria-label=${`${say('set.change')}: ${each.name}`} @click=${() => askUnattended(each)}>${say('set.change')}</button>` : nothing}`]))}</section>
      <section class="card"><h2>${say('order.mode')}</h2>${facts([[say('order.mode'), say(me.live ? 'console.live' : 'console.test')]])}<p class="quiet">${say('set.elsewhere')}</p></section>
    </div>`
}
