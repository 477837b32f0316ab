// Receipts and credit notes of ours, each in a tab of its own.

import { config, session } from '../client.js'
import { locale, t } from '../text.js'

/** Once its row is opened: a button for each receipt and credit note of a payment, none where there
 *  are none or they cannot be read; and the card that paid, as its receipt has it. */
export async function listDocuments({ target: row }) {
  const place = row.querySelector('[data-order]')
  if (!row.open || !place || place.childElementCount || !config.supabase) return
  const { data } = await config.supabase.from('token_documents').select('number,kind')
    .eq('order_id', place.dataset.order).order('issued_at')
  place.replaceChildren(...(data ?? []).map(({ number, kind }) => {
    const button = document.createElement('button')
    Object.assign(button, { type: 'button', className: 'link', textContent: t(`document.${kind}_of`, { number }) })
    button.addEventListener('click', () => showDocument(number))
    return button
  }))
  const receipt = data?.find(({ kind }) => kind === 'receipt')
  if (receipt) await nameCard(row, receipt.number)
}

async function nameCard(row, number) {
  const { data } = await config.supabase.rpc('get_token_document', { number })
  const { brand, last_four: last, approval } = data?.card ?? {}
  const facts = { card: [brand, last && `•••• ${last}`].filter(Boolean).join(' '), approval }
  for (const place of row.querySelectorAll('[data-of]')) {
    const fact = facts[place.dataset.of]
    place.lastElementChild.textContent = fact ?? ''
    place.hidden = !fact
  }
}

/** The JWT goes in a form's body, and into no address: a tab can send no header. */
async function showDocument(number) {
  const name = `coinslot-${number}`
  open('', name)
  const { token } = (await session()) ?? {}
  const form = document.createElement('form')
  const action = `${config.sidecarUrl}/documents/${encodeURIComponent(number)}`
  Object.assign(form, { method: 'post', action, target: name })
  for (const [field, value] of Object.entries({ access_token: token ?? '', lang: locale() })) {
    const input = document.createElement('input')
    form.append(Object.assign(input, { type: 'hidden', name: field, value }))
  }
  document.body.append(form)
  form.submit()
  form.remove()
}
