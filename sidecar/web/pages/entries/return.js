// Where a gateway sends the buyer back to: `<coinslot-result>` asks what became of the payment.
import { start } from '../client.js'

start()
