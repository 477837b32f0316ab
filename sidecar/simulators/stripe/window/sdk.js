// `Stripe(key)` with two Elements, each a frame of Stripe's in the page: the Payment Element, which
// holds the card, and the Express Checkout Element, which is the button of a wallet.
const intentIn = (secret) => secret.split('_secret_')[0]
const WALLETS = { applePay: 'apple_pay', googlePay: 'google_pay', link: 'link' }

class FrameElement {
  constructor(terms, { page, kind, ready }) {
    this.terms = terms
    this.page = page
    this.kind = kind
    this.told = ready
    this.frame = null
    this.handlers = {}
  }

  mount(place) {
    const node = typeof place === 'string' ? document.querySelector(place) : place
    if (node.getRootNode() instanceof ShadowRoot) throw new Error('not inside a shadow root')
    const frame = (this.frame = newFrame(this.page, this.terms, 'Secure payment input frame'))
    Object.assign(frame.style, { width: '100%', height: '14rem', border: '0', colorScheme: 'normal' })
    listen(frame, ({ ready, height, pressed }) => {
      if (height) frame.style.height = `${height}px`
      if (ready) this.handlers.ready?.({ elementType: this.kind, ...this.told })
      if (pressed) this.handlers.confirm?.({ expressPaymentType: pressed, paymentFailed() {} })
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

  // Has the frame pay with what is chosen in it: `{intent}` or `{error}`.
  confirm() {
    const answer = listen(this.frame, ({ intent, setup, error }) =>
      intent || setup || error ? { intent, setup, error } : undefined,
    )
    this.frame.contentWindow.postMessage({ confirm: true }, here.origin)
    return answer
  }
}

const paymentElement = (terms) => new FrameElement(terms, { page: '_window/element.html', kind: 'payment' })

// Of the wallets that the page wants, those that this browser has: here all of them.
const expressElement = (terms, { paymentMethods = {} } = {}) => {
  const shown = Object.keys(WALLETS).filter((name) => paymentMethods[name] !== 'never')
  const wallets = shown.map((name) => WALLETS[name]).join(',')
  const available = Object.fromEntries(Object.keys(WALLETS).map((name) => [name, shown.includes(name)]))
  const ready = { availablePaymentMethods: shown.length ? available : undefined }
  return new FrameElement({ ...terms, wallets }, { page: '_window/express.html', kind: 'expressCheckout', ready })
}
const ELEMENTS = { payment: paymentElement, expressCheckout: expressElement }

const confirmPayment = async ({ elements, confirmParams = {}, redirect = 'always' }) => {
  const { secret, element } = elements
  if (!element?.frame?.isConnected) throw new Error('confirmPayment needs a mounted Element')
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

// The card in the Element is stored, for charges while nobody is there.
const confirmSetup = async ({ elements, redirect = 'always' }) => {
  const { secret, element } = elements
  if (!element?.frame?.isConnected) throw new Error('confirmSetup needs a mounted Element')
  if (redirect !== 'if_required') throw new Error('only redirect if_required is played')
  const { setup, error } = await element.confirm()
  return error ? { error } : { setupIntent: { ...setup, client_secret: secret } }
}

// Asks Stripe of the PaymentIntent, by a frame of Stripe's that nobody sees.
const agent = async (secret, asked) => {
  const frame = newFrame('_window/agent.html', { intent: intentIn(secret), secret }, 'Stripe')
  frame.hidden = true
  const answer = listen(frame, ({ ready, answer }) => {
    if (ready) frame.contentWindow.postMessage(asked, here.origin)
    return answer
  })
  document.body.append(frame)
  const told = await answer
  frame.remove()
  return told
}

const retrievePaymentIntent = (secret) => agent(secret, { retrieve: true })

// With a stored card, while its holder is there: the bank asks for them in a window.
const confirmCardPayment = async (secret, { payment_method: method } = {}) => {
  const told = await agent(secret, { confirm: method ?? null })
  if (told.paymentIntent?.status !== 'requires_action') return told
  const { carried } = await openOver({ intent: intentIn(secret), secret }, 'Bank authentication')
  return carried.error ? { error: carried.error } : { paymentIntent: carried.intent }
}

window.Stripe = (publishableKey) => {
  if (!/^pk_(test|live)_/.test(publishableKey ?? '')) throw new Error('This is no publishable key')
  return {
    elements: ({ clientSecret, locale }) => {
      const terms = { intent: intentIn(clientSecret), secret: clientSecret, lang: locale }
      return {
        secret: clientSecret,
        element: null,
        create(kind, options) {
          if (!ELEMENTS[kind]) throw new Error(`no such Element is played: ${kind}`)
          this.element = ELEMENTS[kind](terms, options)
          return this.element
        },
        submit: async () => ({}),
      }
    },
    confirmPayment,
    confirmSetup,
    retrievePaymentIntent,
    confirmCardPayment,
  }
}
