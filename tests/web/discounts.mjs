// Prints, of a catalogue in the argument as token_console_get('catalogue') has it and of a time, what each pack is said to save.
import { catalogueAt, discountOf } from '../../sidecar/web/console/prices.js'

const { catalogue, at } = JSON.parse(process.argv[2])
const then = catalogueAt(catalogue, Date.parse(at))
const told = then.flatMap((each) => Object.keys(each.prices).map((currency) => [each.id, currency, each.prices[currency], discountOf(then, each, currency, Date.parse(at))]))
console.log(JSON.stringify(told))
