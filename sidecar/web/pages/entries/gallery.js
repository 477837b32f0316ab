import { start } from '../client.js'
import { PlanStates } from '../plan-states.js'
import { States } from '../states.js'

await start()
customElements.define('coinslot-states', States)
customElements.define('coinslot-plan-states', PlanStates)
