// The form of a number that a cash receipt is asked for with, as the database has it: what does not
// fit is refused by the tax office a day later.

const NOBODY = '0100001234'
const WEIGHTS = [1, 3, 7, 1, 3, 7, 1, 3, 5, 1]

export const digits = (number) => number.replace(/[ -]/g, '')

export function fits(kind, typed) {
  const number = digits(typed)
  if (kind === 'income_deduction') return /^(01\d{8,9}|\d{13,19})$/.test(number) && number !== NOBODY
  if (!/^\d{10}$/.test(number)) return false
  const sum = WEIGHTS.reduce((all, weight, place) => all + weight * number[place], 0)
  return (sum + Math.floor((number[8] * 5) / 10)) % 10 === 0
}
