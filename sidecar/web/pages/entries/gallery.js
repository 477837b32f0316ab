import { later } from '../../loading.js'
import { start } from '../client.js'
import { PlanStates } from '../plan-states.js'
import { States } from '../states.js'

await start()
await later() // all of its words
customElements.define('coinslot-states', States)
customElements.define('coinslot-plan-states', PlanStates)
