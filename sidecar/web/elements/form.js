import { h } from '../dom.js'
import { money, t } from '../text.js'

/**
 * A panel for a gateway whose fields stand in the page. They go into `box`, outside the shadow root:
 * in there they would not work.
 */
export function openForm(element, order, show) {
  const amount = money(order.amount, order.currency)
  let pays = () => {}
  let leave
  const left = new Promise((resolve) => (leave = () => resolve(false)))
  const box = h('div', { slot: 'form' })
  const error = h('p', { class: 'error', role: 'alert' })
  const pay = h('button', { 'aria-disabled': true }, t('form.pay', { amount }))
  const busy = (is) => pay.setAttribute('aria-disabled', is)
  const cancel = { type: 'button', class: 'plain', onclick: leave }
  const onsubmit = (event) => {
    event.preventDefault()
    if (pay.getAttribute('aria-disabled') === 'false') pays(true)
  }
  const title = h('h3', { tabindex: '-1' }, t('form.title', { amount }))
  const buttons = h('div', { class: 'actions' }, pay, h('button', cancel, t('form.cancel')))
  element.append(box)
  show(h('form', { class: 'form', onsubmit }, title, h('slot', { name: 'form' }), error, buttons))
  title.focus()
  return {
    box,
    ready: () => busy(false),
    left, // resolves, with false, once the person cancels
    async submitted() {
      const paid = await Promise.race([left, new Promise((resolve) => (pays = resolve))])
      busy(true)
      error.textContent = ''
      return paid
    },
    fail(text) {
      error.textContent = `${text} ${t('declined.text')}`
      busy(false)
    },
    close() {
      box.remove()
      show(null)
    },
  }
}
