// The fields of `widgets()`: the ways to pay of the contract, or the terms.
import { learn, make, query, say } from '/_windows/words.js'
import { words } from './window.js'

learn(words)
const WAYS = [
  ['card', 'Card'],
  ['kakaopay', 'KakaoPay'],
  ['naverpay', 'Naver Pay'],
  ['tosspay', 'Toss Pay'],
  ['transfer', 'Bank transfer'],
  ['virtual_account', 'Virtual account'],
  ['mobile', 'Phone bill'],
]
const shop = query.get('origin')
const tell = (what) => parent.postMessage(what, shop)
const place = document.querySelector('#element')

if (query.get('kind') === 'methods') {
  const choices = WAYS.map((way, number) => {
    const input = make('input', { type: 'radio', name: 'way', checked: number === 0 })
    input.addEventListener('change', () => tell({ way }))
    return make('label', {}, input, make('strong', {}, say(way[1])))
  })
  place.append(make('fieldset', {}, ...choices))
  tell({ way: WAYS[0] })
} else {
  const input = make('input', { type: 'checkbox', checked: true })
  input.addEventListener('change', () => tell({ agreed: input.checked }))
  place.append(make('label', {}, input, make('strong', {}, say('I agree to the terms'))))
  tell({ agreed: true })
}
tell({ height: Math.ceil(document.documentElement.scrollHeight) })
