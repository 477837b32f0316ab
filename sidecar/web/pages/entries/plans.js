// The page of plans and subscriptions, and where it goes on after a gateway's window.
import { definePlans } from '../../elements/plan-elements.js'
import { open } from '../account.js'

open(definePlans)
