import { start } from '../client.js'
import { States } from '../states.js'

await start()
customElements.define('coinslot-states', States)
