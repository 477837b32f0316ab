// The store page of the local stack, with an app that spends what is bought.
import { open } from '../account.js'
import { playApp } from '../asking.js'

open(playApp)
