import { open } from '../account.js'

open()
