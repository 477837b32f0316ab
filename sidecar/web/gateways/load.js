// A gateway's own script, once, and only when it is needed.

const TIMEOUT_MS = 15_000
const loading = new Map()

export class ScriptFailed extends Error {}

/** The object that the script at `address` defines as `name`. Rejects with ScriptFailed. */
export function load(address, name) {
  if (globalThis[name]) return Promise.resolve(globalThis[name])
  if (!loading.has(address)) {
    loading.set(address, insert(address, name).finally(() => loading.delete(address)))
  }
  return loading.get(address)
}

function insert(address, name) {
  return new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement('script'), { src: address, async: true })
    const fail = () => {
      if (!globalThis[name]) script.remove()
      reject(new ScriptFailed(address))
    }
    setTimeout(fail, TIMEOUT_MS) // of no consequence where it has loaded
    script.onerror = fail
    script.onload = () => (globalThis[name] ? resolve(globalThis[name]) : fail())
    document.head.append(script)
  })
}
