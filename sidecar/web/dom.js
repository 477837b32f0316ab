// Building elements. Text goes in as text nodes only, never as markup.

import { news } from './client.js'
import css from './coinslot.css'

/** `h('p', {class: 'x', onclick}, 'text', child)`; null and false are left out. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value)
    else if (value === true) node.setAttribute(name, '')
    else if (value !== false && value != null) node.setAttribute(name, value)
  }
  node.append(...children.flat().filter((child) => child != null && child !== false))
  return node
}

/** Somebody else's text: it keeps its own direction, and its length off the layout. */
export const given = (tag, text, props) => h(tag, { dir: 'auto', title: text, ...props }, text)

// One sheet for all shadow roots, without 'unsafe-inline'.
let styles = null

function sheet() {
  if (!styles) (styles = new CSSStyleSheet()).replaceSync(css)
  return styles
}

const Base = globalThis.HTMLElement ?? class {}

export class CoinslotElement extends Base {
  #connected = null

  constructor() {
    super()
    this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [sheet()]
  }

  connectedCallback() {
    this.#connected = new AbortController()
    this.on(news, 'locale', () => this.render())
    this.start()
  }

  disconnectedCallback() {
    this.#connected.abort()
  }

  /** Aborted when the element leaves the page. */
  get signal() {
    return this.#connected.signal
  }

  on(target, types, listener) {
    for (const type of types.split(' ')) {
      target.addEventListener(type, listener, { signal: this.signal })
    }
  }

  show(...nodes) {
    this.shadowRoot.replaceChildren(...nodes.flat().filter(Boolean))
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }))
  }
}
