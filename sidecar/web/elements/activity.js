// A person's history, page after page. In the later file: see history.js.

import { adoptStyles, html, nothing, unsafeCSS } from 'lit'
import { config, session } from '../client.js'
import css from '../styles/activity.css'
import { number, t } from '../text.js'
import { Entries, openPayments } from './entries.js'
import { expiring } from './expiring.js'
import { icon } from './icons.js'
import { dayRows, orderRow, UNPAID } from './rows.js'

const FILTERS = ['all', 'purchases', 'usage']

/** What a history shows, in the element that is its `host`. */
export class Activity {
  #host
  #filter = 'all'
  #reading = null // of one go through the pages: `{entries}`
  #user = null
  #shown = []
  #open = [] // orders without money
  #kept = 0 // of those shown, how many the next ones come after
  #state = 'loading'
  #watcher = null

  constructor(host) {
    this.#host = host
    adoptStyles(host.renderRoot, [...host.constructor.elementStyles, unsafeCSS(css)])
  }

  stop() {
    this.#watcher?.disconnect()
  }

  async reload() {
    this.#reading = { entries: null }
    this.#kept = 0
    await this.#next()
  }

  async #next() {
    const reading = this.#reading
    this.#tell('loading')
    const found = []
    const state = await this.#read(reading, found).catch(() => 'failed')
    if (reading !== this.#reading) return // begun anew meanwhile
    if (found.length || state !== 'failed') {
      this.#shown = [...this.#shown.slice(0, this.#kept), ...found]
      this.#kept = this.#shown.length
    }
    this.#tell(state)
  }

  async #read(reading, found) {
    const who = config.supabase && (await session())
    const user = who?.userId
    if (reading !== this.#reading) return 'end'
    if (user !== this.#user) {
      this.#shown = [] // not for these eyes
      this.#open = []
    }
    this.#user = user
    if (!user) return 'end'
    if (!reading.entries) {
      reading.entries = new Entries(user, this.#filter)
      const open = this.#filter === 'usage' ? [] : await openPayments(who)
      if (reading === this.#reading) this.#open = open
    }
    return (await reading.entries.next(found, who)) ? 'more' : 'end'
  }

  #tell(state) {
    this.#state = state
    this.#host.requestUpdate()
  }

  /** Anew: an end that stays in sight is not told twice. */
  updated() {
    this.#watcher?.disconnect()
    if (this.#state !== 'more') return
    this.#watcher = new IntersectionObserver(
      ([end]) => end.isIntersecting && this.#state === 'more' && this.#next(),
      { rootMargin: '400px' },
    )
    this.#watcher.observe(this.#host.renderRoot.querySelector('.end'))
  }

  #show(filter) {
    if (filter === this.#filter) return
    this.#filter = filter
    this.#shown = []
    this.reload()
  }

  render() {
    const waiting = this.#open.filter(({ status }) => !UNPAID.includes(status))
    const unpaid = this.#open.filter(({ status }) => UNPAID.includes(status))
    return html`<div class="head">
        <h2 part="title">${t('history.title')}</h2>
        <fieldset class="tabs"><legend class="unseen">${t('history.title')}</legend>
          ${FILTERS.map((name) => html`<label><input type="radio" name="filter" value=${name}
            .checked=${name === this.#filter} @change=${() => this.#show(name)}><span>${t(`history.${name}`)}</span></label>`)}
        </fieldset>
      </div>
      ${this.#filter === 'purchases' ? nothing : expiring().map((line) => html`<p class="expiring">${icon('clock')}${line}</p>`)}
      <ol aria-label=${t('history.title')} aria-busy=${this.#state === 'loading'}>
        ${waiting.map(orderRow)} ${dayRows(this.#shown)}
      </ol>
      <div class="end" role="status">${this.#end()}</div>
      ${unpaid.length && this.#state !== 'loading' ? this.#unfinished(unpaid) : nothing}`
  }

  #unfinished(orders) {
    return html`<details class="unfinished">
      <summary>${t('history.unfinished', { count: number(orders.length) })}${icon('chevron')}</summary>
      <ol>${orders.map(orderRow)}</ol>
    </details>`
  }

  #end() {
    const more = (name) => html`<button type="button" class="plain small" @click=${() => this.#next()}>${t(name)}</button>`
    const quiet = (name) => html`<p class="quiet">${t(name)}</p>`
    const empty = !this.#shown.length && !this.#open.length
    return {
      loading: () => quiet('history.loading'),
      failed: () => [quiet('history.failed'), more('again')],
      more: () => more('history.more'),
      end: () => (empty ? html`<p class="empty">${icon('receipt')}${t('history.empty')}</p>` : nothing),
    }[this.#state]()
  }
}
