// Toss's part of the payment window, and of the bank.
import { money } from '/_windows/words.js'

export const name = 'Toss Payments'

export const carriedBack = (_outcome, carried) => carried

export const inAddress = (carried) => (carried.code ? carried : { paymentType: 'NORMAL', ...carried })

export const refusal = ({ code, message }) => ({ code: code ?? 'FAILURE_TYPE_PG', message })

export const waiting = (payment) =>
  payment.status === 'WAITING_FOR_DEPOSIT' && {
    key: payment.paymentKey,
    account: payment.virtualAccount.accountNumber,
    amount: money(payment.totalAmount, payment.currency),
    order: payment.orderId,
  }

export const words = { KakaoPay: '카카오페이', 'Naver Pay': '네이버페이', 'Toss Pay': '토스페이' }
