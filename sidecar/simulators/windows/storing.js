// The window in which a card is stored, and how that card will answer to its next charges.
import { make, play, query, say } from './words.js'

const COURSES = {
  'are paid': [],
  'are declined for now': ['soft', 'soft', 'soft', 'soft'],
  'are declined for good': ['hard', 'hard', 'hard', 'hard'],
}

const course = () => {
  const select = make('select', {}, ...Object.keys(COURSES).map((each) => make('option', { value: each }, say(each))))
  return make('p', { className: 'way' }, make('label', {}, make('span', {}, say('Its next charges')), select))
}

export const plan = (gateway, customer, next) =>
  play(gateway, `cards/${encodeURIComponent(customer)}`, { next }, 'PUT')

export const storing = (gateway, button, finish) => {
  const customer = query.get('customer')
  const next = course()
  const store = async () => {
    await plan(gateway, customer, COURSES[next.querySelector('select').value])
    finish('paid', await play(gateway, 'register', { customer }))
  }
  const leave = async () => finish('abandoned', await play(gateway, 'register', { customer, outcome: 'failed' }))
  return [say('Store a card'), next, button('Store this card', 'main', store), button('Close without storing', 'quiet', leave)]
}
