// Files of exports: read page by page, kept in this browser until they are saved or given up. A page
// is a file of its own in the origin's private folder, so that a long list takes no memory, and goes on
// after the last page where a tab was closed. Where there is no such folder they stay in the tab.

import { exportPage } from './api.js'

const FOLDER = 'coinslot-exports'
const KEY = 'coinslot-export-'
const AGAIN_MS = [1000, 4000, 15_000]
const nothingYet = () => ({ pages: 0, rows: 0, after: null, share: 0, done: false })
/** By the id of an export: what is known of its file in this tab. */
const files = new Map()

const folder = async (id, create = true) => {
  const root = await navigator.storage?.getDirectory?.().catch(() => null)
  const all = await root?.getDirectoryHandle(FOLDER, { create }).catch(() => null)
  return id && all ? all.getDirectoryHandle(id, { create }).catch(() => null) : all
}

const named = (number) => String(number).padStart(6, '0')

async function keep(id, number, text) {
  const place = await folder(id)
  const handle = await place?.getFileHandle(named(number), { create: true }).catch(() => null)
  if (!handle?.createWritable) return false
  const writing = await handle.createWritable()
  await writing.write(text)
  await writing.close()
  return true
}

function kept(id) {
  try {
    return JSON.parse(localStorage.getItem(KEY + id)) ?? nothingYet()
  } catch {
    return nothingYet()
  }
}

/** What is read of an export here: {rows, share, done, running, failed}. */
export function fileOf(id) {
  if (!files.has(id)) files.set(id, { ...kept(id), parts: [], running: false, failed: null })
  return files.get(id)
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

/** A page, asked for again while the network is away; what is refused is refused. */
async function read(id, after, tries = 0) {
  try {
    return await exportPage(id, after)
  } catch (error) {
    if (!error.lost || tries >= AGAIN_MS.length) throw error
    await pause(AGAIN_MS[tries])
    return read(id, after, tries + 1)
  }
}

async function next(id, file, format) {
  const page = await read(id, file.after)
  const text = page.items.map((line) => line + (format === 'csv' ? '\r\n' : '\n')).join('')
  const stays = !file.parts.length && (await keep(id, file.pages, text))
  if (!stays) file.parts.push(new Blob([text]))
  Object.assign(file, { pages: file.pages + 1, rows: file.rows + page.rows, after: page.next, share: Number(page.share), done: page.next === null })
  const { pages, rows, after, share, done } = file
  if (stays) localStorage.setItem(KEY + id, JSON.stringify({ pages, rows, after, share, done }))
}

/** Reads on until the end, or until it is told to pause; another tab that is at it is left to it. */
export async function run({ id, format }, paint) {
  const file = fileOf(id)
  if (file.running || file.done) return
  Object.assign(file, { running: true, failed: null })
  const work = async (lock) => {
    if (!lock) throw new Error('elsewhere')
    while (file.running && !file.done) {
      await next(id, file, format)
      paint()
    }
  }
  await (navigator.locks ? navigator.locks.request(KEY + id, { ifAvailable: true }, work) : work(true)).catch((error) => { file.failed = error })
  file.running = false
  paint()
}

/** The exports whose files are read now: nobody is signed out meanwhile. */
export const reading = () => [...files].filter(([, { running }]) => running).map(([id]) => id)

export const halt = (id) => { fileOf(id).running = false }

/** The whole file, which is not read into memory; null where a part of it is gone. */
export async function whole(id, type) {
  const file = fileOf(id)
  const place = file.parts.length === file.pages ? null : await folder(id, false)
  const stored = place ? await Promise.all(Array.from({ length: file.pages - file.parts.length }, (_, number) =>
    place.getFileHandle(named(number)).then((handle) => handle.getFile()).catch(() => null))) : []
  const parts = [...stored, ...file.parts]
  return parts.length === file.pages && parts.every(Boolean) ? new Blob(parts, { type }) : null
}

/** Forgets what is kept of exports that are not among these: they are over, or somebody else's. */
export async function sweep(ids = []) {
  for (const id of [...files.keys()].filter((each) => !ids.includes(each))) {
    halt(id)
    files.delete(id)
  }
  for (const key of Object.keys(localStorage)) if (key.startsWith(KEY) && !ids.includes(key.slice(KEY.length))) localStorage.removeItem(key)
  const all = await folder(null, false)
  if (!all?.keys) return
  for await (const id of all.keys()) if (!ids.includes(id)) await all.removeEntry(id, { recursive: true }).catch(() => null)
}

export function forget(id) {
  halt(id)
  files.set(id, { ...nothingYet(), parts: [], running: false, failed: null })
  localStorage.removeItem(KEY + id)
}
