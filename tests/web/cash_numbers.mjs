// Prints, of each [kind, number] in the argument, whether the component lets it pass.
import { fits } from '../../sidecar/web/cash-numbers.js'

console.log(JSON.stringify(JSON.parse(process.argv[2]).map(([kind, number]) => fits(kind, number))))
