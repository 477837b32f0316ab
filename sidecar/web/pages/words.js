// What the pages say while they run; what stands in their markup the sidecar has written.
import en from '../i18n/pages/en.json'
import ko from '../i18n/pages/ko.json'

const WORDS = { en, ko }

export const locale = () => document.documentElement.lang

export const say = (key, values = {}) =>
  WORDS[locale()][key].replace(/\{(\w+)\}/g, (_, name) => values[name])
