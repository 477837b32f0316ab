// `Stripe(key)` with the Payment Element: a frame of Stripe's in the page, which holds the card.
const intentIn = (secret) => secret.split('_secret_')[0]

class PaymentElement {
  constructor(terms) {
    this.terms = terms
    this.frame = null
    this.handlers = {}
  }

  mount(place) {
    const node = typeof place === 'string' ? document.querySelector(place) : place
    if (node.getRootNode() instanceof ShadowRoot) throw new Error('not inside a shadow root')
    const frame = (this.frame = newFrame('_window/element.html', this.terms, 'Secure payment input frame'))
    Object.assign(frame.style, { width: '100%', height: '14rem', border: '0', colorScheme: 'normal' })
    listen(frame, ({ ready, height }) => {
      if (height) frame.style.height = `${height}px`
      if (ready) this.handlers.ready?.({ elementType: 'payment' })
    })
    node.replaceChildren(frame)
  }

  on(event, handler) {
    this.handlers[event] = handler
    return this
  }

  unmount() {
    this.frame?.remove()
  }

  destroy() {
    this.unmount()
  }

  // Has the frame pay with the card that is chosen in it: `{intent}` or `{error}`.
  confirm() {
    const answer = listen(this.frame, ({ intent, error }) =>
      intent || error ? { intent, error } : undefined,
    )
    this.frame.contentWindow.postMessage({ confirm: true }, here.origin)
    return answer
  }
}

const confirmPayment = async ({ elements, confirmParams = {}, redirect = 'always' }) => {
  const { secret, element } = elements
  if (!element?.frame?.isConnected) throw new Error('confirmPayment needs a mounted Payment Element')
  let { intent, error } = await element.confirm()
  if (intent?.status === 'requires_action') {
    const told = await openOver({ intent: intent.id, secret }, 'Bank authentication')
    ;({ intent, error } = told.carried)
  }
  if (error) return { error }
  const paymentIntent = { ...intent, client_secret: secret }
  if (redirect === 'if_required') return { paymentIntent }
  const back = new URL(confirmParams.return_url)
  back.searchParams.set('payment_intent', intent.id)
  back.searchParams.set('payment_intent_client_secret', secret)
  back.searchParams.set('redirect_status', intent.status === 'succeeded' ? 'succeeded' : 'processing')
  location.assign(back)
  return new Promise(() => {})
}

window.Stripe = (publishableKey) => {
  if (!/^pk_(test|live)_/.test(publishableKey ?? '')) throw new Error('This is no publishable key')
  return {
    elements: ({ clientSecret, locale }) => {
      const terms = { intent: intentIn(clientSecret), secret: clientSecret, lang: locale }
      return {
        secret: clientSecret,
        element: null,
        create(kind) {
          if (kind !== 'payment') throw new Error(`only the Payment Element is played, not ${kind}`)
          this.element = new PaymentElement(terms)
          return this.element
        },
        submit: async () => ({}),
      }
    },
    confirmPayment,
  }
}
