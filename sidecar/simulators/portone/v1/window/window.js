// PortOne V1's part of the payment window, and of the bank.
import { money } from '/_windows/words.js'

export const name = 'PortOne V1'

export const carriedBack = (_outcome, carried) => carried

export const inAddress = (carried) => carried

export const refusal = ({ code, message }) => ({ error_code: code ?? 'F0004', error_msg: message })

export const waiting = (payment) =>
  payment.status === 'ready' && payment.vbank_num && {
    key: payment.imp_uid,
    account: `${payment.vbank_name} ${payment.vbank_num}`,
    amount: money(payment.amount, payment.currency),
    order: payment.merchant_uid,
  }

export const words = { KakaoPay: '카카오페이', 'Naver Pay': '네이버페이', 'Toss Pay': '토스페이' }
