// `node bundle.mjs SCENES TARGET`: the scenes with all that they import, in one file for Node. The
// later file of the components is in it.
import { build } from 'esbuild'

const [scenes, target] = process.argv.slice(2)
const contents = "import * as file from './later.js'; export const fetchLater = async () => file"
const resolveDir = new URL('../../sidecar/web', import.meta.url).pathname
const whole = {
  name: 'whole',
  setup: ({ onLoad }) => onLoad({ filter: /\/fetching\.js$/ }, () => ({ contents, resolveDir })),
}
await build({
  entryPoints: [scenes], outfile: target, plugins: [whole],
  bundle: true, format: 'esm', platform: 'node', loader: { '.css': 'text' },
})
