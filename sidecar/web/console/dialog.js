// The one form of every action: what it is about, before and after, a reason, and one button that says
// what it does. Its key is made when it opens: however often it is pressed, one thing happens.

import { html, nothing } from 'lit'
import { act } from './api.js'
import { complaint, say } from './words.js'

export const REASONS = ['requested_by_customer', 'duplicate', 'fraudulent', 'service_failure', 'goodwill', 'dispute_prevention', 'correction', 'other']

export const dialog = { open: null }
let paint = () => {}
let done = () => {}

/** What is painted anew when something here changes, and what is called when an action is done. */
export const onDialog = (painter, after) => {
  paint = painter
  done = after
}

/** {title, text, action, subject, fields, facts(values), values(values), verb(values), danger, reasons, run,
 *  once, then(answer, paint)}. `once`: called again it would do it again, so a lost answer ends it. */
export function ask(asked) {
  const values = Object.fromEntries((asked.fields ?? []).map(({ name, value }) => [name, value ?? '']))
  dialog.open = { ...asked, given: { reason: '', note: '', ...values }, key: crypto.randomUUID(), state: 'ready', said: null }
  paint()
  const element = document.querySelector('dialog#ask')
  if (!element.open) element.showModal()
  element.querySelector('input, select, textarea')?.focus()
}

export function close() {
  if (dialog.open?.state === 'doing') return
  document.querySelector('dialog#ask')?.close()
  dialog.open = null
  paint()
}

const reasonOf = ({ reasons, given }) => {
  const note = given.note.trim()
  if (reasons === false) return note
  const word = given.reason && say(`reason.${given.reason}`)
  return [given.reason === 'other' ? null : word, note].filter(Boolean).join(': ').slice(0, 500)
}

async function submit(event) {
  event.preventDefault()
  const now = dialog.open
  if (!now || now.state === 'doing') return
  const reason = reasonOf(now)
  if (!reason) {
    now.said = now.missing ?? say(now.reasons === false ? 'ask.say_why' : now.given.reason ? 'ask.say_why' : 'ask.choose')
    return paint()
  }
  Object.assign(now, { state: 'doing', said: null })
  // The fields stand still from here on, and what stands still cannot keep the focus.
  event.target.querySelector('[type=submit]').focus()
  paint()
  try {
    const answer = now.run
      ? await now.run(now.given, reason, now.key)
      : await act(now.action, now.subject?.(now.given) ?? now.about ?? '', reason, now.key, now.values?.(now.given) ?? {})
    now.state = 'done'
    close()
    now.then?.(answer, paint)
    await done(answer, now)
  } catch (error) {
    // A refusal did nothing: the next press is another call. Of a lost one nobody knows: the next press
    // is the same call, and so its fields stay as they were sent.
    Object.assign(now, { state: error.lost ? 'unsure' : 'ready', said: error.lost && now.once ? say('ask.unsure_once') : complaint(error) })
    if (!error.lost) now.key = crypto.randomUUID()
    paint()
  }
}

const changed = (name) => ({ target }) => {
  dialog.open.given[name] = target.type === 'checkbox' ? target.checked : target.value
  dialog.open.said = null
  paint()
}

function field({ name, label, type = 'text', options, required, hint, max, min, step }, given) {
  if (type === 'checkbox') return html`<label class="check"><input type="checkbox" name=${name} ?checked=${given[name]} @change=${changed(name)}><span>${label}</span></label>`
  const input = options
    ? html`<select name=${name} ?required=${required} @change=${changed(name)}>${options.map(([value, word]) => html`<option value=${value} ?selected=${given[name] === value}>${word}</option>`)}</select>`
    : html`<input name=${name} type=${type} .value=${String(given[name])} ?required=${required} min=${min ?? nothing} max=${max ?? nothing} step=${step ?? nothing} maxlength="255" autocomplete="off" @input=${changed(name)}>`
  return html`<label><span>${label}</span>${input}${hint ? html`<small>${hint}</small>` : nothing}</label>`
}

const change = ([name, before, after]) => html`<div><dt>${name}</dt><dd>${after === undefined || after === before ? before : html`<span class="unseen">${say('ask.before_after', { before, after })}</span><span aria-hidden="true">${before} → <b>${after}</b></span>`}</dd></div>`

export function dialogView() {
  const now = dialog.open
  const cancel = (event) => {
    event.preventDefault()
    close()
  }
  return html`<dialog id="ask" aria-labelledby="ask-title" @cancel=${cancel}>${now ? form(now) : nothing}</dialog>`
}

function form(now) {
  const { given, state } = now
  const shown = (now.fields ?? []).filter(({ only }) => !only || only(given))
  const changes = now.facts?.(given) ?? []
  return html`<form @submit=${submit} aria-busy=${state === 'doing'}>
    <h2 id="ask-title">${now.title}</h2>
    ${now.text ? html`<p>${now.text}</p>` : nothing}
    <fieldset class="asked" ?disabled=${state !== 'ready'}>
    ${shown.map((each) => field(each, given))}
    ${now.extra?.(given, (name, value) => changed(name)({ target: { value } })) ?? nothing}
    ${changes.length ? html`<dl class="changes" aria-live="polite">${changes.map(change)}</dl>` : nothing}
    ${now.reasons === false
      ? html`<label><span>${now.noteLabel ?? say('ask.reason')}</span><textarea name="note" rows="3" maxlength="480" .value=${given.note} @input=${changed('note')}></textarea></label>`
      : html`<label><span>${say('ask.reason')}</span><select name="reason" @change=${changed('reason')}>
            <option value="">${say('ask.choose')}</option>
            ${REASONS.map((each) => html`<option value=${each} ?selected=${given.reason === each}>${say(`reason.${each}`)}</option>`)}
          </select></label>
          <label><span>${say('ask.note')}</span><input name="note" maxlength="300" .value=${given.note} autocomplete="off" @input=${changed('note')}></label>`}
    </fieldset>
    ${now.warning ? html`<p class="warning">${now.warning}</p>` : nothing}
    ${now.said ? html`<p class="said" role="alert">${now.said}</p>` : nothing}
    <div class="buttons">
      <button type="button" ?disabled=${state === 'doing'} @click=${close}>${say('console.close')}</button>
      ${state === 'unsure' && now.once ? nothing : html`<button type="submit" class=${now.danger ? 'danger' : 'main'} aria-disabled=${state === 'doing'}>
        ${state === 'doing' ? say('ask.doing') : state === 'unsure' ? say('ask.check_again') : now.verb(given)}</button>`}
    </div>
  </form>`
}
