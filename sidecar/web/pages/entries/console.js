// The operators' console. Nobody stays signed in here when the tab is closed.
import { begin } from '../../console/app.js'
import { createClient } from '../supabase.js'

const config = JSON.parse(document.querySelector('#coinslot-config').textContent)
begin(config, createClient(config.supabaseUrl, config.anonKey, { storage: sessionStorage, storageKey: 'coinslot-console', detectSessionInUrl: false }))
