// The page to invite, and for who was invited.
import { defineInvitation } from '../../elements/invitation.js'
import { open } from '../account.js'

open(defineInvitation)
