// A gateway's own fields, under the method that they are of.

import { t } from '../text.js'

/**
 * The fields go into `box`, outside the shadow root: in there they would not work. `show` is the
 * store's: it is told of the form, whose `submit` its pay button calls, and of null at the end.
 */
export function openForm(element, order, show) {
  const form = { ready: false, paying: false, error: '', submit: () => {}, leave: null }
  const box = document.createElement('div')
  box.slot = 'form'
  element.append(box)
  const left = new Promise((resolve) => (form.leave = () => resolve(false)))
  const change = (changes) => show(Object.assign(form, changes))
  change({})
  return {
    box,
    ready: () => change({ ready: true }),
    left, // resolves, with false, once the person goes back
    async submitted() {
      const pressed = new Promise((resolve) => (form.submit = () => form.ready && !form.paying && resolve(true)))
      const paid = await Promise.race([left, pressed])
      if (paid) change({ paying: true, error: '' })
      return paid
    },
    fail: (text) => change({ paying: false, error: `${text} ${t('declined.text')}` }),
    close() {
      box.remove()
      show(null)
    },
  }
}
