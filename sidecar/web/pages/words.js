// What the pages say themselves: English stands in the markup and the code, Korean in ko.json.
export const FAILED = 'That did not work. Nothing was taken. Try again.'

const KEPT = 'coinslot-locale'
let words = {}

export const locale = () => document.documentElement.lang

export const say = (text, values = {}) =>
  (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name])

// What `data-t` marks was written in English.
const written = new Map([...document.querySelectorAll('[data-t]')].map((node) => [node, node.textContent]))

export const speak = async (language) => {
  words = language === 'ko' ? await (await fetch('/web/pages/ko.json')).json() : {}
  document.documentElement.lang = language
  for (const [node, text] of written) node.textContent = say(text)
}

export const chosen = () => localStorage.getItem(KEPT) ?? (/^ko/.test(navigator.language) ? 'ko' : 'en')

export const choose = (language) => {
  localStorage.setItem(KEPT, language)
  return speak(language)
}
