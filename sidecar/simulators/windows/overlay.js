// The common part of the gateways' browser scripts: it opens a payment window. On a computer the
// window lies over the page, an iframe at the end of the body; on a phone the page leaves for it.
const here = new URL('.', document.currentScript.src)
const onPhone = /\bMobi/.test(navigator.userAgent)

// The terms stand in the fragment: a name may be longer than an address that a server takes.
const addressOf = (page, terms) => {
  const given = { lang: document.documentElement.lang, ...terms }
  const known = Object.entries(given).filter(([, value]) => value !== undefined && value !== null)
  const url = new URL(page, here)
  url.hash = new URLSearchParams(known)
  return url
}

// Listens to that frame until `heard` answers something other than undefined; resolves to that.
const listen = (frame, heard) =>
  new Promise((resolve) => {
    const onMessage = ({ source, origin, data }) => {
      if (source !== frame.contentWindow || origin !== here.origin) return
      const answer = heard(data)
      if (answer === undefined) return
      removeEventListener('message', onMessage)
      resolve(answer)
    }
    addEventListener('message', onMessage)
  })

const newFrame = (page, terms, title) => {
  const frame = document.createElement('iframe')
  frame.title = title
  frame.src = addressOf(page, { ...terms, origin: location.origin })
  return frame
}

// Opens the window; resolves to the buyer's turn in it, `{outcome, carried}`.
const openOver = async (terms, title) => {
  const frame = newFrame('_window', terms, title)
  const places = { position: 'fixed', inset: '0', width: '100%', height: '100%', border: '0' }
  Object.assign(frame.style, { ...places, zIndex: '2147483647', colorScheme: 'normal' })
  const before = document.activeElement
  const finished = listen(frame, (data) => (data.outcome ? data : undefined))
  document.body.append(frame)
  frame.focus()
  const told = await finished
  frame.remove()
  before?.focus?.()
  return told
}

// The buyer comes back to another page: nothing here goes on.
const leaveFor = (terms) => {
  location.assign(addressOf('_window', terms))
  return new Promise(() => {})
}
