// What a subscription's owner does, one thing at a time, and what is said of it.

import { authenticate, charge, lastOf, payAgain } from '../subscribing.js'
import { call, tellChange } from '../subscriptions.js'
import { storeMethod } from '../storing.js'
import { nameOf, t } from '../text.js'

const SAID = { upgraded: 'plan.upgraded_title', subscribed: 'plan.event_recovered' }

export class Acts {
  busy = false
  form = null
  about = null // the subscription that something is said of
  saying = null
  refusal = null

  #host

  constructor(host) {
    this.#host = host
  }

  forget() {
    Object.assign(this, { saying: null, refusal: null })
  }

  /** By one call of the database. */
  change(name, subscription, values = {}) {
    return this.#doing(subscription, async () => {
      const done = await asked(name, { subscription_id: subscription.id, ...values })
      if (!done.what) tellChange()
      return done.what ? done : {}
    })
  }

  /** By a call after which something is charged. */
  charged(name, subscription, values) {
    return this.#doing(subscription, async (page) => {
      const since = await lastOf(subscription)
      const done = await call(name, { subscription_id: subscription.id, ...values })
      return done.what ? done : charge(subscription, page, since)
    })
  }

  payNow(subscription) {
    return this.#doing(subscription, (page) => payAgain(subscription, null, page))
  }

  confirm(subscription) {
    return this.#doing(subscription, (page) => authenticate(subscription, page))
  }

  newCard(subscription) {
    return this.#doing(subscription, async (page) => {
      const wish = { does: 'replace', gateway: subscription.gateway, subscriptionId: subscription.id }
      const stored = await storeMethod(subscription.gateway, wish, page)
      return stored.methodId ? use(subscription, stored.methodId, page) : stored
    })
  }

  useCard(subscription, methodId) {
    return this.#doing(subscription, (page) => use(subscription, methodId, page))
  }

  remove(subscription, methodId) {
    return this.#doing(subscription, async () => {
      const done = await asked('remove_token_method', { method_id: methodId })
      return done.what ? done : { saying: t('plan.removed') }
    })
  }

  async #doing(subscription, work) {
    if (this.busy) return
    this.forget()
    this.#turn({ busy: true, about: subscription.id })
    this.end(await work(this.#page()).catch(() => ({ what: 'unknown' })), subscription)
  }

  /** Says how it ended, and shows the subscription as it now is. */
  end(outcome, subscription) {
    const { what, saying, subscription: after = subscription } = outcome
    const good = SAID[what] ? t(SAID[what], { name: after && nameOf(after) }) : saying
    this.#turn({ busy: false, about: subscription?.id ?? this.about, saying: good ?? null, refusal: good || !what ? null : outcome })
    if (what === 'signed_out') this.#host.tell('coinslot-error', { kind: 'signed_out' })
    if (after?.plan_id) this.#host.tell('coinslot-subscription', { what: what ?? 'changed', id: after.id, planId: after.plan_id, status: after.status })
    this.#host.reload().then(() => this.#host.focusOn(`plan-${this.about}`))
  }

  #page() {
    return {
      signal: this.#host.signal,
      dark: /dark/.test(getComputedStyle(this.#host).colorScheme),
      element: this.#host,
      show: (form) => this.#turn({ form }),
      onWindow: (open) => this.#host.tell('coinslot-window', { open: open && !this.form }),
    }
  }

  #turn(changes) {
    Object.assign(this, changes)
    this.#host.requestUpdate()
  }
}

/** Of what charges nothing: without an answer it may be asked for again. */
async function asked(name, values) {
  const done = await call(name, values)
  return /unknown|not_started/.test(done.what) ? { what: 'not_done' } : done
}

/** Has it pay from now on; what is unpaid is charged at once. */
async function use(subscription, methodId, page) {
  if (/past_due|incomplete/.test(subscription.status)) return payAgain(subscription, methodId, page)
  const done = await asked('set_token_subscription_method', { subscription_id: subscription.id, method_id: methodId })
  if (!done.what) tellChange()
  return done.what ? done : { saying: t('plan.method_changed') }
}
