// Views that an operator has saved: lists and reports with their filters, by a name. They are links, and
// are kept in this browser for this operator alone. Whoever is to see one is sent its address.

import { html, nothing } from 'lit'
import { ask } from './dialog.js'
import { icon } from './parts.js'
import { say } from './words.js'

const MOST = 20
const PAGES = ['orders', 'customers', 'review', 'refunds', 'subscriptions', 'webhooks', 'log', 'reports']
const keyOf = (me) => `coinslot-console-views-${me.user_id}`

function all(me) {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(me)) ?? '[]')
    return Array.isArray(kept) ? kept.filter(({ name, at }) => typeof name === 'string' && /^#\/\w/.test(at)) : []
  } catch {
    return []
  }
}

const write = (me, views) => localStorage.setItem(keyOf(me), JSON.stringify(views.slice(-MOST)))

/** The address without the place that somebody has paged to. */
function addressOf({ name, id, filters }) {
  const query = new URLSearchParams(Object.entries(filters).filter(([key]) => key !== 'after').sort()).toString()
  return `#/${name}${id ? `/${encodeURIComponent(id)}` : ''}${query ? `?${query}` : ''}`
}

const askSave = (me, at) => ask({
  title: say('view.title'), reasons: false, noteLabel: say('view.name'), missing: say('view.name'),
  run: async (_, name) => write(me, [...all(me).filter((each) => each.at !== at), { name: name.slice(0, 40), at }]),
  verb: () => say('view.save'),
})

/** What is saved of this page, and a button to save what is shown. */
export function savedViews(route, me, paint) {
  if (!PAGES.includes(route.name) || (route.id && route.name !== 'reports')) return nothing
  const at = addressOf(route)
  const views = all(me).filter((each) => each.at.split(/[/?]/)[1] === route.name)
  const known = views.some((each) => each.at === at)
  const may = !known && at.includes('?')
  if (!views.length && !may) return nothing
  const remove = (view) => () => {
    write(me, all(me).filter((each) => each.at !== view.at))
    paint()
  }
  return html`<nav class="saved" aria-label=${say('view.label')}>
    ${views.map((view) => html`<span class=${view.at === at ? 'set' : ''}><a href=${view.at} aria-current=${view.at === at ? 'true' : nothing}><bdi>${view.name}</bdi></a><button type="button" class="plain small" aria-label=${say('view.remove', { name: view.name })} @click=${remove(view)}>${icon('cross')}</button></span>`)}
    ${may ? html`<button type="button" class="plain small" @click=${() => askSave(me, at)}>${say('view.save')}</button>` : nothing}
  </nav>`
}
