// Bundles the components and the pages: `node sidecar/web/build.mjs [SOURCES [FOLDER]]`.
//
// The folder is what the sidecar serves under /web/ and what apps copy, all but its `pages/`. A page
// is one script and one sheet, whose names change with their content; what apps load is `coinslot.js`.
// Both fetch the later file when it is first needed. Its name changes with its content as well, so that
// it is never of another release. No order is made before it is there: a part that is fetched
// in the middle of a payment may not come.

import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = resolve(HERE, '../..')
const LANGUAGES = ['en', 'ko']
/** The markup and the script of each page, and the sheet of one that has its own. `demo` is the store with an app that spends, `gallery` all states. */
const PAGES = {
  store: ['store.html', 'store.js'],
  demo: ['store.html', 'demo.js'],
  invite: ['store.html', 'invite.js'],
  plans: ['store.html', 'plans.js'],
  gallery: ['gallery.html', 'gallery.js'],
  return: ['return.html', 'return.js'],
  console: ['console.html', 'console.js', 'console.css'],
}

const sources = resolve(process.argv[2] ?? HERE)
const target = resolve(process.argv[3] ?? join(ROOT, 'build/web'))
const folder = `${target}.new` // takes the place of the old one when all of it is there

/** Sheets are texts of the modules that import them. */
const sheets = {
  name: 'sheets',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { outputFiles } = await build({ entryPoints: [path], bundle: true, minify: true, write: false })
      return { contents: outputFiles[0].text, loader: 'text' }
    })
  },
}

/** A warning is a mistake that nobody reads: no bundle is made with one. */
const strict = {
  name: 'strict',
  setup({ onEnd }) {
    onEnd(({ warnings }) => ({ errors: warnings }))
  },
}

/** A page has one language: the words of the others are left out of its script. */
const wordsOf = (language) => ({
  name: 'words',
  setup({ onLoad }) {
    const others = LANGUAGES.filter((each) => each !== language).join('|')
    onLoad({ filter: new RegExp(`/i18n/.*(${others})\\.json$`) }, () => ({ contents: '{}', loader: 'json' }))
  },
})

const common = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'external',
  metafile: true,
  nodePaths: [join(ROOT, 'node_modules')],
  absWorkingDir: sources,
  logLevel: 'warning',
}

/** What apps load: all that sells; cash receipts, the invitation and plans in files of their own. */
async function hosts(late) {
  for (const name of ['coinslot.js', 'cash-receipts.js', 'invitation.js', 'plans.js']) {
    const file = join(folder, name)
    await build({ ...common, entryPoints: [join(sources, name)], outfile: file, plugins: [sheets, strict, at(`./${late}`)] })
    await defer(file)
  }
}

/** Has the later file fetched from that address, where it is asked for. */
const at = (address) => ({
  name: 'later',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/later\.js$/ }, () => ({ path: address, external: true }))
  },
})

/** Makes the later file, a function of what it takes from the first one; answers its name. */
async function later() {
  const built = (name, ...plugins) => build({
    ...common, write: false, outdir: folder, entryPoints: [join(sources, name)], plugins: [...plugins, sheets, strict],
  })
  const [whole, first] = await Promise.all([built('coinslot.js', at('later')), built('first.js')])
  const held = new Set(Object.keys(whole.metafile.inputs).map((each) => resolve(sources, each)))
  const names = Object.values(first.metafile.outputs).flatMap((each) => each.exports)
  const { outputFiles } = await built('later.js', given(held, names))
  const [body, told] = unwrapped(outputFiles.find(({ path }) => path.endsWith('.js')).text)
  const code = `export default first=>{${body}return{${told.map((each) => each.join(':'))}}};\n`
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 8).toUpperCase()
  await write(join(folder, `later-${hash}.js`), code)
  return `later-${hash}.js`
}

/** In the place of every module that the first file holds, puts the names that it gives. */
const given = (held, names) => ({
  name: 'given',
  setup({ onResolve, onLoad, resolve: find }) {
    onResolve({ filter: /^[^/]/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === held) return null // asked by ourselves
      const found = await find(path, { ...from, pluginData: held })
      return held.has(found.path) ? { path: 'first', namespace: 'given' } : found
    })
    onLoad({ filter: /^/, namespace: 'given' }, () => ({ contents: `export const {${names}} = first` }))
  },
})

/** The names of a page's files, which change with what is in them. */
async function bundled(language, late) {
  const scripts = (await readdir(join(sources, 'pages/entries'))).map((each) => join(sources, 'pages/entries', each))
  const paged = { ...common, outdir: join(folder, 'pages'), entryNames: '[name]-[hash]' }
  const styles = build({ ...paged, entryPoints: ['pages', 'console'].map((each) => join(sources, `pages/${each}.css`)) })
  const pages = build({ ...paged, entryPoints: scripts, plugins: [sheets, strict, wordsOf(language), at(`/web/${late}`)] })
  return manifest([await styles, await pages])
}

/** Has a module do nothing until one of its functions is called: a server has no browser for it. */
async function defer(file) {
  const [body, told] = unwrapped(await readFile(file, 'utf8'))
  const given = told.map(([name]) => `${name}=async(...all)=>(made??=make()).${name}(...all)`)
  const all = `const make=()=>{${body}return{${told.map((each) => each.join(':'))}}};`
  await write(file, `let made;${all}export const ${given};\n`)
}

/** Of a module: its statements, and `[name, local]` of each export. */
function unwrapped(code) {
  const [end, list] = code.match(/export\{([^}]*)\};\s*$/)
  const names = list.split(',').map((each) => each.split(' as '))
  return [code.slice(0, -end.length), names.map(([local, name = local]) => [name, local])]
}

/** `{'store.js': 'store-AB12CD34.js', …}` */
function manifest(results) {
  const outputs = results.flatMap(({ metafile }) => Object.entries(metafile.outputs))
  const made = outputs.filter(([, { entryPoint }]) => entryPoint)
  return Object.fromEntries(made.map(([path, { entryPoint }]) => [basename(entryPoint), basename(path)]))
}

/** A page in a language. Between `{{#store demo}}` and `{{/store demo}}` stands what only those have;
 *  `{{a word of the page}}`, `{{script}}`, `{{sheet}}` and `{{icon}}` are filled in. */
async function page(name, [markup, script, sheet = 'pages.css'], language, files) {
  const icon = encodeURIComponent(await readFile(join(sources, 'pages/icon.svg'), 'utf8'))
  const [src, href] = [files[script], files[sheet]].map((file) => `/web/pages/${file}`)
  const values = { ...(await words(language)), ...(await read(`i18n/console/${language}.json`)), language, icon: `data:image/svg+xml,${icon}`, script: src, sheet: href }
  const text = await readFile(join(sources, 'pages', markup), 'utf8')
  const own = text.replace(/\{\{#([\w ]+)\}\}\n(.*?)\{\{\/\1\}\}\n/gs, (_, only, part) => (only.split(' ').includes(name) ? part : ''))
  return own.replace(/\{\{([\w.]+)\}\}/g, (_, key) => {
    if (!(key in values)) throw new Error(`${markup} wants ${key}, which there is not`)
    return values[key]
  })
}

const read = async (path) => JSON.parse(await readFile(join(sources, path), 'utf8'))

/** Of the components, of the pages, and of receipts. */
async function words(language) {
  const files = ['', 'later/', 'pages/', 'document/'].map((folder) => read(`i18n/${folder}${language}.json`))
  return Object.assign({}, ...(await Promise.all(files)))
}

async function write(path, text) {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

/** What shadcn's command copies into an app: the files that sell, their types, and a component around them. */
async function registry() {
  const wanted = /^((coinslot|later-\w+|react)\.js|.*\.d\.ts|coinslot\.js\.LEGAL\.txt)$/
  const copied = (await readdir(folder, { recursive: true })).filter((each) => wanted.test(each)).sort()
  const files = copied.map(async (path) => ({
    path, type: 'registry:file', target: `lib/coinslot/${path}`, content: await readFile(join(folder, path), 'utf8'),
  }))
  // Of another name than any file beside it: the command takes imports by their files' names.
  const path = 'coinslot-provider.tsx'
  const content = await readFile(join(sources, 'shadcn', path), 'utf8')
  const around = { path, type: 'registry:component', content }
  const item = { ...(await read('shadcn/item.json')), files: [around, ...(await Promise.all(files))] }
  await write(join(folder, 'registry/coinslot.json'), JSON.stringify(item))
}

/** Beside each file, the same packed: the sidecar chooses by what a browser takes. */
async function pack() {
  const all = await readdir(folder, { recursive: true })
  for (const name of all.filter((each) => /\.(js|css)$/.test(each))) {
    const body = await readFile(join(folder, name))
    const quality = { [constants.BROTLI_PARAM_QUALITY]: 11 }
    await writeFile(join(folder, `${name}.br`), brotliCompressSync(body, { params: quality }))
    await writeFile(join(folder, `${name}.gz`), gzipSync(body, { level: 9 }))
  }
}

async function declarations() {
  const all = await readdir(sources, { recursive: true })
  for (const name of all.filter((each) => each.endsWith('.d.ts') || each === 'database.types.ts')) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await cp(join(sources, name), join(folder, name))
  }
  await write(join(folder, 'react.js'), 'export {}\n')
}

await rm(folder, { recursive: true, force: true })
const late = await later()
await hosts(late)
await declarations()
await registry()
const files = {}
for (const language of LANGUAGES) {
  files[language] = await bundled(language, late)
  await write(join(folder, `pages/words.${language}.json`), JSON.stringify(await words(language)))
  for (const [name, parts] of Object.entries(PAGES)) {
    await write(join(folder, `pages/${name}.${language}.html`), await page(name, parts, language, files[language]))
  }
}
await pack()
await write(join(folder, 'pages/manifest.json'), `${JSON.stringify(files, null, 2)}\n`)
await rm(target, { recursive: true, force: true })
await rename(folder, target)
