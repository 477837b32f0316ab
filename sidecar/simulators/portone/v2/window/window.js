// PortOne V2's part of the payment window, and of the bank.
import { money } from '/_windows/words.js'

export const name = 'PortOne V2'

export const carriedBack = (outcome, carried) =>
  outcome === 'abandoned'
    ? { ...carried, code: 'FAILURE_TYPE_PG', message: '사용자가 결제를 취소하였습니다.' }
    : carried

// The attempt's own id is told to the page alone.
export const inAddress = ({ transactionId, ...carried }) => carried

export const refusal = ({ code, message }) => ({ code: code ?? 'FAILURE_TYPE_PG', message })

export const waiting = (payment) =>
  payment.status === 'VIRTUAL_ACCOUNT_ISSUED' && {
    key: payment.transactionId,
    account: `${payment.method.bank} ${payment.method.accountNumber}`,
    amount: money(payment.amount.total, payment.currency),
    order: payment.id,
  }

export const words = { KakaoPay: '카카오페이', 'Naver Pay': '네이버페이', 'Toss Pay': '토스페이' }
