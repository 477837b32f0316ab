// Generated from the migrations by `supabase gen types`: `make types`.

export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {

  "public": {
          Tables: {
            "profiles": {
                  Row: {
                    "created_at": string,"display_name": string,"id": string,"locale": string,"tokens": number | null
                  }
                  ComputedFields: "tokens"
                  Insert: {
                    "created_at"?: string,"display_name"?: string,"id": string,"locale"?: string
                  }
                  Update: {
                    "created_at"?: string,"display_name"?: string,"id"?: string,"locale"?: string
                  }
                  Relationships: [

                  ]
                },"token_documents": {
                  Row: {
                    "amount": number,"cause": string,"corrects": string | null,"currency": string,"gateway": string,"issued_at": string,"kind": string,"list_amount": number | null,"live": boolean,"method": string | null,"name": string,"name_ko": string | null,"number": string,"order_id": string,"paid_at": string,"payment_id": string,"quantity": number,"seller": NonNullable<Json>,"serial": number,"tax_basis": string | null,"tax_free": number | null,"tax_status": string,"time_zone": string,"tokens": number,"user_id": string,"vat": number | null,"year": number
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"cause": string,"corrects"?: string | null,"currency": string,"gateway": string,"issued_at"?: string,"kind": string,"list_amount"?: number | null,"live": boolean,"method"?: string | null,"name": string,"name_ko"?: string | null,"number": string,"order_id": string,"paid_at": string,"payment_id": string,"quantity": number,"seller": NonNullable<Json>,"serial": number,"tax_basis"?: string | null,"tax_free"?: number | null,"tax_status": string,"time_zone": string,"tokens": number,"user_id": string,"vat"?: number | null,"year": number
                  }
                  Update: {
                    "amount"?: number,"cause"?: string,"corrects"?: string | null,"currency"?: string,"gateway"?: string,"issued_at"?: string,"kind"?: string,"list_amount"?: number | null,"live"?: boolean,"method"?: string | null,"name"?: string,"name_ko"?: string | null,"number"?: string,"order_id"?: string,"paid_at"?: string,"payment_id"?: string,"quantity"?: number,"seller"?: NonNullable<Json>,"serial"?: number,"tax_basis"?: string | null,"tax_free"?: number | null,"tax_status"?: string,"time_zone"?: string,"tokens"?: number,"user_id"?: string,"vat"?: number | null,"year"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_documents_corrects_fkey"
      columns: ["corrects"]
isOneToOne: false
      referencedRelation: "token_documents"
      referencedColumns: ["number"]
    },{
      foreignKeyName: "token_documents_payment_id_fkey"
      columns: ["payment_id"]
isOneToOne: false
      referencedRelation: "token_payments"
      referencedColumns: ["id"]
    }
                  ]
                },"token_features": {
                  Row: {
                    "feature": string,"tokens": number
                  }
                  ComputedFields: never
                  Insert: {
                    "feature": string,"tokens": number
                  }
                  Update: {
                    "feature"?: string,"tokens"?: number
                  }
                  Relationships: [

                  ]
                },"token_ledger": {
                  Row: {
                    "balance": number,"caller": string,"created_at": string,"delta": number,"feature": string | null,"hold_id": string | null,"idempotency_key": string | null,"kind": string,"metadata": NonNullable<Json>,"payment_id": string | null,"reason": string,"seq": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "balance": number,"caller": string,"created_at"?: string,"delta": number,"feature"?: string | null,"hold_id"?: string | null,"idempotency_key"?: string | null,"kind": string,"metadata"?: NonNullable<Json>,"payment_id"?: string | null,"reason"?: string,"seq": number,"user_id": string
                  }
                  Update: {
                    "balance"?: number,"caller"?: string,"created_at"?: string,"delta"?: number,"feature"?: string | null,"hold_id"?: string | null,"idempotency_key"?: string | null,"kind"?: string,"metadata"?: NonNullable<Json>,"payment_id"?: string | null,"reason"?: string,"seq"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_ledger_payment_id_fkey"
      columns: ["payment_id"]
isOneToOne: false
      referencedRelation: "token_payments"
      referencedColumns: ["id"]
    }
                  ]
                },"token_lots": {
                  Row: {
                    "covered": number,"created_at": string,"expired": number,"expires_at": string,"id": number,"kind": string,"paid": boolean,"payment_id": string | null,"price": number | null,"price_tokens": number | null,"priority": number,"remaining": number,"reserved": number,"seq": number,"spent": number,"taken": number,"tokens": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "covered"?: number,"created_at"?: string,"expired"?: number,"expires_at"?: string,"id"?: never,"kind": string,"paid"?: boolean,"payment_id"?: string | null,"price"?: number | null,"price_tokens"?: number | null,"priority"?: number,"remaining": number,"reserved"?: number,"seq": number,"spent"?: number,"taken"?: number,"tokens": number,"user_id": string
                  }
                  Update: {
                    "covered"?: number,"created_at"?: string,"expired"?: number,"expires_at"?: string,"id"?: never,"kind"?: string,"paid"?: boolean,"payment_id"?: string | null,"price"?: number | null,"price_tokens"?: number | null,"priority"?: number,"remaining"?: number,"reserved"?: number,"seq"?: number,"spent"?: number,"taken"?: number,"tokens"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_lots_payment_id_fkey"
      columns: ["payment_id"]
isOneToOne: false
      referencedRelation: "token_payments"
      referencedColumns: ["id"]
    }
                  ]
                },"token_payment_events": {
                  Row: {
                    "created_at": string,"from_status": string | null,"id": number,"payment_id": string,"payment_key": string | null,"reason": string,"source": string,"to_status": string,"tokens": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"from_status"?: string | null,"id"?: never,"payment_id": string,"payment_key"?: string | null,"reason"?: string,"source": string,"to_status": string,"tokens"?: number,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"from_status"?: string | null,"id"?: never,"payment_id"?: string,"payment_key"?: string | null,"reason"?: string,"source"?: string,"to_status"?: string,"tokens"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_payment_events_payment_id_fkey"
      columns: ["payment_id"]
isOneToOne: false
      referencedRelation: "token_payments"
      referencedColumns: ["id"]
    }
                  ]
                },"token_payments": {
                  Row: {
                    "amount": number,"canceled_at": string | null,"confirmed_at": string | null,"created_at": string,"currency": string,"deposit_until": string | null,"disputed": number,"expired_at": string | null,"expires_at": string,"failure_reason": string | null,"gateway": string,"id": string,"idempotency_key": string | null,"list_amount": number | null,"live": boolean,"method": string | null,"name": string,"name_ko": string | null,"order_id": string,"paid": number,"payment_key": string | null,"product_id": string,"promo_code": string | null,"quantity": number,"refunded": number,"status": string,"tokens": number,"tokens_end_at": string | null,"tokens_last_days": number | null,"updated_at": string,"user_id": string,"version": number,"virtual_account": Json | null,"voided_at": string | null,"withdrawn": number
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"canceled_at"?: string | null,"confirmed_at"?: string | null,"created_at"?: string,"currency": string,"deposit_until"?: string | null,"disputed"?: number,"expired_at"?: string | null,"expires_at": string,"failure_reason"?: string | null,"gateway": string,"id"?: string,"idempotency_key"?: string | null,"list_amount"?: number | null,"live": boolean,"method"?: string | null,"name": string,"name_ko"?: string | null,"order_id"?: string,"paid"?: number,"payment_key"?: string | null,"product_id": string,"promo_code"?: string | null,"quantity"?: number,"refunded"?: number,"status"?: string,"tokens": number,"tokens_end_at"?: string | null,"tokens_last_days"?: number | null,"updated_at"?: string,"user_id": string,"version"?: number,"virtual_account"?: Json | null,"voided_at"?: string | null,"withdrawn"?: number
                  }
                  Update: {
                    "amount"?: number,"canceled_at"?: string | null,"confirmed_at"?: string | null,"created_at"?: string,"currency"?: string,"deposit_until"?: string | null,"disputed"?: number,"expired_at"?: string | null,"expires_at"?: string,"failure_reason"?: string | null,"gateway"?: string,"id"?: string,"idempotency_key"?: string | null,"list_amount"?: number | null,"live"?: boolean,"method"?: string | null,"name"?: string,"name_ko"?: string | null,"order_id"?: string,"paid"?: number,"payment_key"?: string | null,"product_id"?: string,"promo_code"?: string | null,"quantity"?: number,"refunded"?: number,"status"?: string,"tokens"?: number,"tokens_end_at"?: string | null,"tokens_last_days"?: number | null,"updated_at"?: string,"user_id"?: string,"version"?: number,"virtual_account"?: Json | null,"voided_at"?: string | null,"withdrawn"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_payments_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_offers"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_payments_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_plan_offers"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_payments_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_products"
      referencedColumns: ["id"]
    }
                  ]
                },"token_plans": {
                  Row: {
                    "every": string,"family": string,"id": string,"rollover": string,"rollover_cap": number | null,"tokens": number,"trial_days": number,"trial_tokens": number
                  }
                  ComputedFields: never
                  Insert: {
                    "every": string,"family"?: string,"id": string,"rollover"?: string,"rollover_cap"?: number | null,"tokens": number,"trial_days"?: number,"trial_tokens"?: number
                  }
                  Update: {
                    "every"?: string,"family"?: string,"id"?: string,"rollover"?: string,"rollover_cap"?: number | null,"tokens"?: number,"trial_days"?: number,"trial_tokens"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_plans_id_fkey"
      columns: ["id"]
isOneToOne: true
      referencedRelation: "token_offers"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_plans_id_fkey"
      columns: ["id"]
isOneToOne: true
      referencedRelation: "token_plan_offers"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_plans_id_fkey"
      columns: ["id"]
isOneToOne: true
      referencedRelation: "token_products"
      referencedColumns: ["id"]
    }
                  ]
                },"token_prices": {
                  Row: {
                    "amount": number,"currency": string,"product_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"currency": string,"product_id": string
                  }
                  Update: {
                    "amount"?: number,"currency"?: string,"product_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_prices_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_offers"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_prices_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_plan_offers"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_prices_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_products"
      referencedColumns: ["id"]
    }
                  ]
                },"token_products": {
                  Row: {
                    "active": boolean,"id": string,"kind": string,"name": string,"name_ko": string,"tokens": number,"tokens_end_at": string | null,"tokens_last_days": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "active"?: boolean,"id": string,"kind": string,"name": string,"name_ko": string,"tokens"?: number,"tokens_end_at"?: string | null,"tokens_last_days"?: number | null
                  }
                  Update: {
                    "active"?: boolean,"id"?: string,"kind"?: string,"name"?: string,"name_ko"?: string,"tokens"?: number,"tokens_end_at"?: string | null,"tokens_last_days"?: number | null
                  }
                  Relationships: [

                  ]
                },"token_subscription_events": {
                  Row: {
                    "created_at": string,"detail": NonNullable<Json>,"event": string,"from_status": string | null,"id": number,"subscription_id": string,"to_status": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"detail"?: NonNullable<Json>,"event": string,"from_status"?: string | null,"id"?: never,"subscription_id": string,"to_status": string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"detail"?: NonNullable<Json>,"event"?: string,"from_status"?: string | null,"id"?: never,"subscription_id"?: string,"to_status"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_subscription_events_subscription_id_fkey"
      columns: ["subscription_id"]
isOneToOne: false
      referencedRelation: "token_subscriptions"
      referencedColumns: ["id"]
    }
                  ]
                },"token_subscriptions": {
                  Row: {
                    "amount": number,"anchor": string,"cancel_at_end": boolean,"created_at": string,"currency": string,"end_reason": string | null,"ended_at": string | null,"every": string,"family": string,"gateway": string,"grace_until": string | null,"id": string,"live": boolean,"method_id": string | null,"needs": string | null,"next_charge_at": string | null,"next_plan_id": string | null,"pause_at_end": boolean,"period": number,"period_end": string,"period_start": string,"plan_id": string,"rollover": string,"rollover_cap": number | null,"status": string,"time_zone": string,"tokens": number,"trial": string | null,"updated_at": string,"user_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"anchor": string,"cancel_at_end"?: boolean,"created_at"?: string,"currency": string,"end_reason"?: string | null,"ended_at"?: string | null,"every": string,"family": string,"gateway": string,"grace_until"?: string | null,"id"?: string,"live": boolean,"method_id"?: string | null,"needs"?: string | null,"next_charge_at"?: string | null,"next_plan_id"?: string | null,"pause_at_end"?: boolean,"period"?: number,"period_end": string,"period_start": string,"plan_id": string,"rollover": string,"rollover_cap"?: number | null,"status"?: string,"time_zone": string,"tokens": number,"trial"?: string | null,"updated_at"?: string,"user_id": string,"version"?: number
                  }
                  Update: {
                    "amount"?: number,"anchor"?: string,"cancel_at_end"?: boolean,"created_at"?: string,"currency"?: string,"end_reason"?: string | null,"ended_at"?: string | null,"every"?: string,"family"?: string,"gateway"?: string,"grace_until"?: string | null,"id"?: string,"live"?: boolean,"method_id"?: string | null,"needs"?: string | null,"next_charge_at"?: string | null,"next_plan_id"?: string | null,"pause_at_end"?: boolean,"period"?: number,"period_end"?: string,"period_start"?: string,"plan_id"?: string,"rollover"?: string,"rollover_cap"?: number | null,"status"?: string,"time_zone"?: string,"tokens"?: number,"trial"?: string | null,"updated_at"?: string,"user_id"?: string,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_subscriptions_next_plan_id_fkey"
      columns: ["next_plan_id"]
isOneToOne: false
      referencedRelation: "token_plans"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_subscriptions_plan_id_fkey"
      columns: ["plan_id"]
isOneToOne: false
      referencedRelation: "token_plans"
      referencedColumns: ["id"]
    }
                  ]
                },"token_tiers": {
                  Row: {
                    "percent_off": number,"product_id": string,"quantity": number
                  }
                  ComputedFields: never
                  Insert: {
                    "percent_off": number,"product_id": string,"quantity": number
                  }
                  Update: {
                    "percent_off"?: number,"product_id"?: string,"quantity"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "token_tiers_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_offers"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_tiers_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_plan_offers"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "token_tiers_product_id_fkey"
      columns: ["product_id"]
isOneToOne: false
      referencedRelation: "token_products"
      referencedColumns: ["id"]
    }
                  ]
                },"token_wallets": {
                  Row: {
                    "closed_at": string | null,"credited": number,"events": number,"folded_at": string,"has_merged": boolean,"held": number,"low_mark": number | null,"low_rearm": number | null,"merged_into": string | null,"next_change_at": string,"seq": number,"tokens": number,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "closed_at"?: string | null,"credited"?: number,"events"?: number,"folded_at"?: string,"has_merged"?: boolean,"held"?: number,"low_mark"?: number | null,"low_rearm"?: number | null,"merged_into"?: string | null,"next_change_at"?: string,"seq"?: number,"tokens"?: number,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "closed_at"?: string | null,"credited"?: number,"events"?: number,"folded_at"?: string,"has_merged"?: boolean,"held"?: number,"low_mark"?: number | null,"low_rearm"?: number | null,"merged_into"?: string | null,"next_change_at"?: string,"seq"?: number,"tokens"?: number,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [

                  ]
                }
          }
          Views: {
            "token_cash_receipts": {
                  Row: {
                    "amount": number,"currency": string,"failure_code": string | null,"issue_number": string | null,"issued_at": string | null,"kind": string,"number": string | null,"order_id": string,"payment_id": string,"requested_at": string,"status": string,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "cash_receipts_payment_id_fkey"
      columns: ["payment_id"]
isOneToOne: true
      referencedRelation: "token_payments"
      referencedColumns: ["id"]
    }
                  ]
                },"token_offers": {
                  Row: {
                    "amount": number | null,"currency": string,"discount_percent": number | null,"id": string,"kind": string,"name": string,"name_ko": string,"tiers": Json | null,"tokens": number,"tokens_end_at": string | null,"tokens_last_days": number | null
                  }
                  ComputedFields: never
                  Relationships: [

                  ]
                },"token_plan_offers": {
                  Row: {
                    "amount": number,"charge_hours": Json | null,"currency": string,"every": string,"family": string,"id": string,"name": string,"name_ko": string,"rollover": string,"rollover_cap": number | null,"tokens": number,"trial_asks": boolean | null,"trial_days": number,"trial_tokens": number
                  }
                  ComputedFields: never
                  Relationships: [

                  ]
                },"token_refunds": {
                  Row: {
                    "amount": number,"created_at": string,"currency": string,"finished_at": string | null,"id": string,"order_id": string,"payment_id": string,"status": string,"tokens": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "amount"?: number | null,"created_at"?: string | null,"currency"?: string | null,"finished_at"?: string | null,"id"?: string | null,"order_id"?: string | null,"payment_id"?: string | null,"status"?: string | null,"tokens"?: number | null,"user_id"?: string | null
                         }
                        Update: {
                           "amount"?: number | null,"created_at"?: string | null,"currency"?: string | null,"finished_at"?: string | null,"id"?: string | null,"order_id"?: string | null,"payment_id"?: string | null,"status"?: string | null,"tokens"?: number | null,"user_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "refunds_payment_id_fkey"
      columns: ["payment_id"]
isOneToOne: false
      referencedRelation: "token_payments"
      referencedColumns: ["id"]
    }
                  ]
                }
          }
          Functions: {
            "accept_token_invitation":
{ Args: { "code": string }; Returns: string
                           },
"accept_token_refund":
{ Args: { "account"?: Json,"order_id": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "refunds"
        isOneToOne: true
        isSetofReturn: false
      } },
"accept_token_refund_for":
{ Args: { "account"?: Json,"order_id": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "refunds"
        isOneToOne: true
        isSetofReturn: false
      } },
"add_token_endpoint":
{ Args: { "id": string,"name"?: string,"reason": string,"secret": string,"types"?: (string)[],"url": string }; Returns: Database["public"]['CompositeTypes']["coinslot_endpoint"]
                          SetofOptions: {
        from: "*"
        to: "coinslot_endpoint"
        isOneToOne: true
        isSetofReturn: false
      } },
"add_tokens":
{ Args: { "amount": number,"expires_at"?: string,"idempotency_key": string,"kind"?: string,"reason"?: string,"user_id": string }; Returns: Database["public"]['CompositeTypes']["token_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"answer_token_price":
{ Args: { "agrees": boolean,"amount"?: number,"consent"?: Json,"subscription_id": string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"begin_token_method":
{ Args: { "gateway": string }; Returns: Json
                           },
"cancel_token_order":
{ Args: { "order_id": string }; Returns: {
              "amount": number,
"canceled_at": string | null,
"confirmed_at": string | null,
"created_at": string,
"currency": string,
"deposit_until": string | null,
"disputed": number,
"expired_at": string | null,
"expires_at": string,
"failure_reason": string | null,
"gateway": string,
"id": string,
"idempotency_key": string | null,
"list_amount": number | null,
"live": boolean,
"method": string | null,
"name": string,
"name_ko": string | null,
"order_id": string,
"paid": number,
"payment_key": string | null,
"product_id": string,
"promo_code": string | null,
"quantity": number,
"refunded": number,
"status": string,
"tokens": number,
"tokens_end_at": string | null,
"tokens_last_days": number | null,
"updated_at": string,
"user_id": string,
"version": number,
"virtual_account": Json | null,
"voided_at": string | null,
"withdrawn": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"cancel_token_subscription":
{ Args: { "subscription_id": string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"capture_token_hold":
{ Args: { "allow_overage"?: boolean,"amount"?: number,"hold_id": string }; Returns: Database["public"]['CompositeTypes']["token_capture_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_capture_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"change_token_plan":
{ Args: { "consent"?: Json,"plan_id": string,"subscription_id": string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"check_token_code":
{ Args: { "code": string,"currency"?: string,"gateway"?: string,"product_id"?: string,"quantity"?: number }; Returns: Json
                           },
"coinslot_add_endpoint":
{ Args: { "id": string,"name"?: string,"reason"?: string,"secret": string,"types"?: (string)[],"url": string }; Returns: Database["public"]['CompositeTypes']["coinslot_endpoint"]
                          SetofOptions: {
        from: "*"
        to: "coinslot_endpoint"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_add_operator":
{ Args: { "limits"?: Json,"role": string,"who": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "operators"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_apply_gateway_payment":
{ Args: { "amount": number,"card"?: Json,"currency": string,"disputed"?: number,"failure_reason"?: string,"gateway": string,"live": boolean,"method"?: string,"order_id": string,"paid"?: number,"payment_key": string,"refunded"?: number,"refunding"?: number,"secret"?: string,"source": string,"state": string,"taken_at"?: string,"tax_free"?: number,"vat"?: number,"version": number,"virtual_account"?: Json,"webhook_ids"?: (number)[],"withdrawn"?: number }; Returns: Record<string, unknown>
                           },
"coinslot_audit_open":
{ Args: { "after"?: string,"audit_id": number }; Returns: Json
                           },
"coinslot_audit_payments":
{ Args: { "audit_id": number,"lines": Json }; Returns: undefined
                           },
"coinslot_audit_report":
{ Args: { "after"?: string,"audit_id": number,"page_size"?: number,"verdict"?: string }; Returns: Json
                           },
"coinslot_audit_unlisted":
{ Args: { "after"?: string,"audit_id": number }; Returns: Json
                           },
"coinslot_begin_audit":
{ Args: { "again"?: boolean,"gateway": string,"since": string,"until": string }; Returns: number
                           },
"coinslot_check_installation":
{ Args: { "quick"?: boolean }; Returns: {
              "code": string,"problem": string,"repair": string,"stops_buyers": boolean,"subject": string
            }[]
                           },
"coinslot_check_ledger":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"coinslot_claim_cash_receipts":
{ Args: { "batch"?: number,"gateway": string }; Returns: (Database["public"]['CompositeTypes']["coinslot_cash_receipt"])[]
                           },
"coinslot_claim_charges":
{ Args: { "batch"?: number,"gateways": (string)[],"subscription_id"?: string }; Returns: (Json)[]
                           },
"coinslot_claim_closings":
{ Args: { "batch"?: number,"gateway": string }; Returns: (Database["public"]['CompositeTypes']["coinslot_closing"])[]
                           },
"coinslot_claim_deliveries":
{ Args: { "batch"?: number,"busy"?: (string)[] }; Returns: (Database["public"]['CompositeTypes']["coinslot_delivery_job"])[]
                           },
"coinslot_claim_forgets":
{ Args: { "batch"?: number,"gateways": (string)[] }; Returns: (Json)[]
                           },
"coinslot_claim_mails":
{ Args: { "batch"?: number }; Returns: (Database["public"]['CompositeTypes']["coinslot_mail_job"])[]
                           },
"coinslot_claim_payments":
{ Args: { "batch"?: number,"gateway": string }; Returns: (Database["public"]['CompositeTypes']["coinslot_payment_to_read"])[]
                           },
"coinslot_claim_refunds":
{ Args: { "batch"?: number,"refund_id"?: string }; Returns: (Database["public"]['CompositeTypes']["coinslot_refund_job"])[]
                           },
"coinslot_claim_top_ups":
{ Args: { "batch"?: number,"gateways": (string)[] }; Returns: (Json)[]
                           },
"coinslot_claim_webhooks":
{ Args: { "batch"?: number }; Returns: (unknown)[]
                           },
"coinslot_close_refund":
{ Args: { "reason": string,"refund_id": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "refunds"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_due_audits":
{ Args: { "gateway": string }; Returns: Json
                           },
"coinslot_earlier_method":
{ Args: { "method_id": string }; Returns: Json
                           },
"coinslot_erase_user":
{ Args: { "batch"?: number,"dry_run"?: boolean,"forfeit"?: boolean,"reason": string,"who": string }; Returns: Json
                           },
"coinslot_export_user":
{ Args: { "after"?: Json,"page_size"?: number,"part"?: string,"who": string }; Returns: Json
                           },
"coinslot_finish_audit":
{ Args: { "accept"?: boolean,"audit_id": number,"odd"?: number,"odd_mark"?: string,"odd_rows"?: Json }; Returns: Json
                           },
"coinslot_finish_cash_receipt":
{ Args: { "amount": number,"by_gateway"?: boolean,"failure_code"?: string,"failure_message"?: string,"final"?: boolean,"issue_number"?: string,"lease": number,"order_id": string,"receipt_key"?: string,"status": string }; Returns: string
                           },
"coinslot_finish_charge":
{ Args: { "charge_id": string,"dead"?: boolean,"lease": number,"outcome": string,"reason"?: string }; Returns: boolean
                           },
"coinslot_finish_closing":
{ Args: { "order_id": string,"round": number }; Returns: undefined
                           },
"coinslot_finish_delivery":
{ Args: { "answer"?: string,"attempt": number,"delivery_id": number,"error"?: string,"milliseconds"?: number,"outcome": string,"retry_after"?: number,"status"?: number }; Returns: string
                           },
"coinslot_finish_forget":
{ Args: { "method_id": string }; Returns: undefined
                           },
"coinslot_finish_mail":
{ Args: { "answer"?: string,"attempt": number,"code"?: number,"dead"?: boolean,"mail_id": number,"outcome": string }; Returns: string
                           },
"coinslot_finish_method":
{ Args: { "brand"?: string,"fingerprint"?: string,"key_hash": string,"last_four"?: string,"method_id": string,"sealed": string }; Returns: Json
                           },
"coinslot_finish_top_up":
{ Args: { "charge_id": string,"lease": number,"outcome": string,"reason"?: string }; Returns: boolean
                           },
"coinslot_finish_webhook":
{ Args: { "again"?: boolean,"detail"?: string,"outcome": string,"webhook_id": number }; Returns: Database["public"]['CompositeTypes']["coinslot_webhook_verdict"]
                          SetofOptions: {
        from: "*"
        to: "coinslot_webhook_verdict"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_get_attempt_key":
{ Args: { "order_id": string }; Returns: string
                           },
"coinslot_get_backlog":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"coinslot_get_refund":
{ Args: { "refund_id": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "refunds"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_get_settings":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"coinslot_go_live":
{ Args: { "dry_run"?: boolean }; Returns: Json
                           },
"coinslot_list_codes":
{ Args: { "after"?: string,"page_size"?: number,"promotion": string }; Returns: {
              "active": boolean,"code": string,"created_at": string,"max_uses": number,"overrun": number,"reserved": number,"used": number
            }[]
                           },
"coinslot_list_deliveries":
{ Args: { "before"?: number,"id": string,"page_size"?: number,"state"?: string }; Returns: Database["public"]['CompositeTypes']["coinslot_delivery"][]
                          SetofOptions: {
        from: "*"
        to: "coinslot_delivery"
        isOneToOne: false
        isSetofReturn: true
      } },
"coinslot_list_discrepancies":
{ Args: { "before"?: number,"page_size"?: number }; Returns: unknown[]
                          SetofOptions: {
        from: "*"
        to: "discrepancies"
        isOneToOne: false
        isSetofReturn: true
      } },
"coinslot_list_endpoints":
{ Args: Record<PropertyKey, never>; Returns: Database["public"]['CompositeTypes']["coinslot_endpoint"][]
                          SetofOptions: {
        from: "*"
        to: "coinslot_endpoint"
        isOneToOne: false
        isSetofReturn: true
      } },
"coinslot_list_operators":
{ Args: Record<PropertyKey, never>; Returns: (Database["public"]['CompositeTypes']["coinslot_operator_account"])[]
                           },
"coinslot_list_plans":
{ Args: Record<PropertyKey, never>; Returns: Json[]
                           },
"coinslot_list_products":
{ Args: Record<PropertyKey, never>; Returns: (Database["public"]['CompositeTypes']["coinslot_product"])[]
                           },
"coinslot_list_promotions":
{ Args: Record<PropertyKey, never>; Returns: unknown[]
                          SetofOptions: {
        from: "*"
        to: "promotions"
        isOneToOne: false
        isSetofReturn: true
      } },
"coinslot_list_referrals":
{ Args: { "before"?: number,"page_size"?: number,"status"?: string }; Returns: unknown[]
                          SetofOptions: {
        from: "*"
        to: "referrals"
        isOneToOne: false
        isSetofReturn: true
      } },
"coinslot_list_refills":
{ Args: Record<PropertyKey, never>; Returns: unknown[]
                          SetofOptions: {
        from: "*"
        to: "refills"
        isOneToOne: false
        isSetofReturn: true
      } },
"coinslot_list_sealed":
{ Args: { "after"?: Json,"key_id": string,"page_size"?: number }; Returns: Json
                           },
"coinslot_list_webhooks":
{ Args: { "before"?: number,"gateway"?: string,"order_id"?: string,"outcome"?: string,"page_size"?: number }; Returns: unknown[]
                          SetofOptions: {
        from: "*"
        to: "webhooks"
        isOneToOne: false
        isSetofReturn: true
      } },
"coinslot_make_codes":
{ Args: { "number": number,"promotion": string,"reason"?: string }; Returns: (string)[]
                           },
"coinslot_note_instrument":
{ Args: { "fingerprint": string,"order_id": string }; Returns: undefined
                           },
"coinslot_open_payment":
{ Args: { "order_id": string }; Returns: {
              "amount": number,
"canceled_at": string | null,
"confirmed_at": string | null,
"created_at": string,
"currency": string,
"deposit_until": string | null,
"disputed": number,
"expired_at": string | null,
"expires_at": string,
"failure_reason": string | null,
"gateway": string,
"id": string,
"idempotency_key": string | null,
"list_amount": number | null,
"live": boolean,
"method": string | null,
"name": string,
"name_ko": string | null,
"order_id": string,
"paid": number,
"payment_key": string | null,
"product_id": string,
"promo_code": string | null,
"quantity": number,
"refunded": number,
"status": string,
"tokens": number,
"tokens_end_at": string | null,
"tokens_last_days": number | null,
"updated_at": string,
"user_id": string,
"version": number,
"virtual_account": Json | null,
"voided_at": string | null,
"withdrawn": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_propose_price":
{ Args: { "currency": string,"ends"?: boolean,"from_at"?: string,"plan_id": string }; Returns: Json
                           },
"coinslot_record_refund_answer":
{ Args: { "answer": string,"failure_code"?: string,"failure_message"?: string,"refund_id": string,"tries": number }; Returns: {
              "amount": number,
"canceled_at": string | null,
"confirmed_at": string | null,
"created_at": string,
"currency": string,
"deposit_until": string | null,
"disputed": number,
"expired_at": string | null,
"expires_at": string,
"failure_reason": string | null,
"gateway": string,
"id": string,
"idempotency_key": string | null,
"list_amount": number | null,
"live": boolean,
"method": string | null,
"name": string,
"name_ko": string | null,
"order_id": string,
"paid": number,
"payment_key": string | null,
"product_id": string,
"promo_code": string | null,
"quantity": number,
"refunded": number,
"status": string,
"tokens": number,
"tokens_end_at": string | null,
"tokens_last_days": number | null,
"updated_at": string,
"user_id": string,
"version": number,
"virtual_account": Json | null,
"voided_at": string | null,
"withdrawn": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_refuse_mail":
{ Args: { "token": string }; Returns: string
                           },
"coinslot_refuse_payment_attempt":
{ Args: { "order_id": string,"payment_key": string,"reason": string,"source": string }; Returns: undefined
                           },
"coinslot_remove_operator":
{ Args: { "who": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "operators"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_remove_plan":
{ Args: { "id": string }; Returns: boolean
                           },
"coinslot_remove_product":
{ Args: { "id": string }; Returns: string
                           },
"coinslot_replay_endpoint":
{ Args: { "event_id"?: string,"id": string,"reason"?: string,"since"?: string,"until"?: string }; Returns: Json
                           },
"coinslot_replay_webhooks":
{ Args: { "gateway"?: string,"order_id"?: string,"outcome"?: string }; Returns: number
                           },
"coinslot_reseal":
{ Args: { "items": Json }; Returns: number
                           },
"coinslot_resolve_discrepancy":
{ Args: { "discrepancy_id": number,"resolution": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "discrepancies"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_return_payments":
{ Args: { "order_ids": (string)[] }; Returns: undefined
                           },
"coinslot_return_webhooks":
{ Args: { "webhook_ids": (number)[] }; Returns: undefined
                           },
"coinslot_rotate_endpoint":
{ Args: { "id": string,"keep_seconds"?: number,"reason"?: string,"secret": string }; Returns: Database["public"]['CompositeTypes']["coinslot_endpoint"]
                          SetofOptions: {
        from: "*"
        to: "coinslot_endpoint"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_run_maintenance":
{ Args: { "batch"?: number }; Returns: Json
                           },
"coinslot_schema_version":
{ Args: Record<PropertyKey, never>; Returns: string
                           },
"coinslot_set_code":
{ Args: { "active"?: boolean,"code": string,"max_uses"?: number,"promotion": string,"reason"?: string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "promotion_codes"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_set_endpoint":
{ Args: { "active"?: boolean,"every_type"?: boolean,"id": string,"name"?: string,"reason"?: string,"types"?: (string)[],"url"?: string }; Returns: Database["public"]['CompositeTypes']["coinslot_endpoint"]
                          SetofOptions: {
        from: "*"
        to: "coinslot_endpoint"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_set_plan":
{ Args: { "every"?: string,"family"?: string,"id": string,"name"?: string,"name_ko"?: string,"prices"?: Json,"rollover"?: string,"rollover_cap"?: number,"tokens"?: number,"trial_days"?: number,"trial_tokens"?: number }; Returns: Json
                           },
"coinslot_set_product":
{ Args: { "id": string,"name"?: string,"name_ko"?: string,"prices"?: Json,"tokens"?: number,"tokens_end_at"?: string,"tokens_last_days"?: number }; Returns: Database["public"]['CompositeTypes']["coinslot_product"]
                          SetofOptions: {
        from: "*"
        to: "coinslot_product"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_set_promotion":
{ Args: { "id": string,"reason"?: string,"terms": Json }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "promotions"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_set_refill":
{ Args: { "active"?: boolean,"every"?: string,"group_name"?: string,"id": string,"mode"?: string,"reason"?: string,"time_zone"?: string,"tokens"?: number }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "refills"
        isOneToOne: true
        isSetofReturn: false
      } },
"coinslot_set_seller":
{ Args: { "business"?: Json,"reason"?: string,"tax_status"?: string,"time_zone"?: string }; Returns: Json
                           },
"coinslot_set_tiers":
{ Args: { "product_id": string,"reason"?: string,"tiers": Json }; Returns: Json
                           },
"coinslot_set_unattended":
{ Args: { "gateway": string,"unattended": string }; Returns: string
                           },
"coinslot_store_webhook":
{ Args: { "body": Json,"busy"?: boolean,"claims_paid": boolean,"event_id": string,"event_type": string,"gateway": string,"headers": Json,"order_id": string,"payment_key": string,"secret"?: string,"warning"?: string }; Returns: Record<string, unknown>
                           },
"coinslot_test_endpoint":
{ Args: { "id": string }; Returns: string
                           },
"coinslot_verify_ledger":
{ Args: { "from_user"?: string,"to_user"?: string }; Returns: {
              "expected": number,"found": number,"problem": string,"user_id": string
            }[]
                           },
"coinslot_withdraw_price":
{ Args: { "currency": string,"plan_id": string }; Returns: boolean
                           },
"create_token_order":
{ Args: { "currency"?: string,"gateway": string,"idempotency_key"?: string,"method"?: string,"product_id": string,"promo_code"?: string,"quantity"?: number }; Returns: {
              "amount": number,
"canceled_at": string | null,
"confirmed_at": string | null,
"created_at": string,
"currency": string,
"deposit_until": string | null,
"disputed": number,
"expired_at": string | null,
"expires_at": string,
"failure_reason": string | null,
"gateway": string,
"id": string,
"idempotency_key": string | null,
"list_amount": number | null,
"live": boolean,
"method": string | null,
"name": string,
"name_ko": string | null,
"order_id": string,
"paid": number,
"payment_key": string | null,
"product_id": string,
"promo_code": string | null,
"quantity": number,
"refunded": number,
"status": string,
"tokens": number,
"tokens_end_at": string | null,
"tokens_last_days": number | null,
"updated_at": string,
"user_id": string,
"version": number,
"virtual_account": Json | null,
"voided_at": string | null,
"withdrawn": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"extend_token_hold":
{ Args: { "hold_id": string,"ttl_seconds"?: number }; Returns: Database["public"]['CompositeTypes']["token_hold_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_hold_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"get_token_document":
{ Args: { "number": string }; Returns: Json
                           },
"get_token_invitation":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"get_token_method":
{ Args: { "method_id": string }; Returns: Json
                           },
"get_token_top_up":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"get_unpaid_token_order":
{ Args: { "subscription_id": string }; Returns: {
              "amount": number,
"canceled_at": string | null,
"confirmed_at": string | null,
"created_at": string,
"currency": string,
"deposit_until": string | null,
"disputed": number,
"expired_at": string | null,
"expires_at": string,
"failure_reason": string | null,
"gateway": string,
"id": string,
"idempotency_key": string | null,
"list_amount": number | null,
"live": boolean,
"method": string | null,
"name": string,
"name_ko": string | null,
"order_id": string,
"paid": number,
"payment_key": string | null,
"product_id": string,
"promo_code": string | null,
"quantity": number,
"refunded": number,
"status": string,
"tokens": number,
"tokens_end_at": string | null,
"tokens_last_days": number | null,
"updated_at": string,
"user_id": string,
"version": number,
"virtual_account": Json | null,
"voided_at": string | null,
"withdrawn": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"get_user_tokens":
{ Args: Record<PropertyKey, never>; Returns: number
                           },
"hold_feature_for":
{ Args: { "feature": string,"idempotency_key": string,"ttl_seconds"?: number,"user_id": string }; Returns: Database["public"]['CompositeTypes']["token_hold_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_hold_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"hold_tokens_for":
{ Args: { "amount": number,"idempotency_key": string,"reason"?: string,"ttl_seconds"?: number,"user_id": string }; Returns: Database["public"]['CompositeTypes']["token_hold_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_hold_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"list_expiring_tokens":
{ Args: { "after"?: string,"after_id"?: number,"page_size"?: number,"within_days"?: number }; Returns: {
              "expires_at": string,"id": number,"tokens": number,"user_id": string
            }[]
                           },
"list_token_cash_receipts":
{ Args: { "after"?: string,"page_size"?: number,"status"?: string }; Returns: Json
                           },
"list_token_deliveries":
{ Args: { "before"?: number,"id": string,"page_size"?: number,"state"?: string }; Returns: Database["public"]['CompositeTypes']["coinslot_delivery"][]
                          SetofOptions: {
        from: "*"
        to: "coinslot_delivery"
        isOneToOne: false
        isSetofReturn: true
      } },
"list_token_endpoints":
{ Args: Record<PropertyKey, never>; Returns: Database["public"]['CompositeTypes']["coinslot_endpoint"][]
                          SetofOptions: {
        from: "*"
        to: "coinslot_endpoint"
        isOneToOne: false
        isSetofReturn: true
      } },
"list_token_holds":
{ Args: { "after"?: string,"after_id"?: string,"page_size"?: number }; Returns: {
              "amount": number,"created_at": string,"expires_at": string,"feature": string,"id": string,"reason": string
            }[]
                           },
"list_token_lots":
{ Args: { "after_id"?: number,"page_size"?: number }; Returns: {
              "created_at": string,"expires_at": string,"id": number,"kind": string,"tokens": number
            }[]
                           },
"list_token_mails":
{ Args: Record<PropertyKey, never>; Returns: {
              "kind": string,"wanted": boolean
            }[]
                           },
"list_token_methods":
{ Args: Record<PropertyKey, never>; Returns: Json[]
                           },
"list_token_refills":
{ Args: Record<PropertyKey, never>; Returns: {
              "due": boolean,"every": string,"mode": string,"next_at": string,"refill": string,"tokens": number
            }[]
                           },
"list_token_refunds":
{ Args: { "order_id": string }; Returns: unknown[]
                          SetofOptions: {
        from: "*"
        to: "refunds"
        isOneToOne: false
        isSetofReturn: true
      } },
"list_token_subscriptions":
{ Args: Record<PropertyKey, never>; Returns: Json[]
                           },
"merge_token_wallets":
{ Args: { "from_user": string,"idempotency_key": string,"into_user": string }; Returns: Database["public"]['CompositeTypes']["token_merge_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_merge_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"pause_token_subscription":
{ Args: { "subscription_id": string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"pay_token_subscription":
{ Args: { "subscription_id": string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"quote_token_plan":
{ Args: { "plan_id": string,"subscription_id": string }; Returns: Json
                           },
"redeem_token_code":
{ Args: { "code": string,"idempotency_key": string }; Returns: Database["public"]['CompositeTypes']["token_redemption"]
                          SetofOptions: {
        from: "*"
        to: "token_redemption"
        isOneToOne: true
        isSetofReturn: false
      } },
"refund_spend_for":
{ Args: { "amount"?: number,"caller"?: string,"idempotency_key": string,"reason"?: string,"spend_key"?: string,"spend_seq"?: number,"user_id": string }; Returns: Database["public"]['CompositeTypes']["token_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"release_token_hold":
{ Args: { "hold_id": string }; Returns: Database["public"]['CompositeTypes']["token_hold_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_hold_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"remove_token_method":
{ Args: { "method_id": string }; Returns: undefined
                           },
"replay_token_endpoint":
{ Args: { "event_id"?: string,"id": string,"reason": string,"since"?: string,"until"?: string }; Returns: Json
                           },
"request_token_cash_receipt":
{ Args: { "kind": string,"number": string,"order_id": string }; Returns: Json
                           },
"request_token_refund":
{ Args: { "account"?: Json,"amount"?: number,"force"?: boolean,"idempotency_key": string,"order_id": string,"payment_key"?: string,"reason": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "refunds"
        isOneToOne: true
        isSetofReturn: false
      } },
"request_token_refund_for":
{ Args: { "account"?: Json,"amount"?: number,"force"?: boolean,"idempotency_key": string,"order_id": string,"payment_key"?: string,"reason": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "refunds"
        isOneToOne: true
        isSetofReturn: false
      } },
"resume_token_subscription":
{ Args: { "consent"?: Json,"subscription_id": string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"rotate_token_endpoint":
{ Args: { "id": string,"keep_seconds"?: number,"reason": string,"secret": string }; Returns: Database["public"]['CompositeTypes']["coinslot_endpoint"]
                          SetofOptions: {
        from: "*"
        to: "coinslot_endpoint"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_token_code":
{ Args: { "active"?: boolean,"code": string,"max_uses"?: number,"promotion": string,"reason": string }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "promotion_codes"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_token_endpoint":
{ Args: { "active"?: boolean,"every_type"?: boolean,"id": string,"name"?: string,"reason": string,"types"?: (string)[],"url"?: string }; Returns: Database["public"]['CompositeTypes']["coinslot_endpoint"]
                          SetofOptions: {
        from: "*"
        to: "coinslot_endpoint"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_token_group_for":
{ Args: { "group_name": string,"member"?: boolean,"user_id": string }; Returns: boolean
                           },
"set_token_mail":
{ Args: { "kind": string,"wanted": boolean }; Returns: boolean
                           },
"set_token_promotion":
{ Args: { "id": string,"reason": string,"terms": Json }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "promotions"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_token_refill":
{ Args: { "active"?: boolean,"every"?: string,"group_name"?: string,"id": string,"mode"?: string,"reason": string,"time_zone"?: string,"tokens"?: number }; Returns: unknown
                          SetofOptions: {
        from: "*"
        to: "refills"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_token_seller":
{ Args: { "business"?: Json,"reason": string,"tax_status"?: string,"time_zone"?: string }; Returns: Json
                           },
"set_token_subscription_method":
{ Args: { "method_id": string,"subscription_id": string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_token_tiers":
{ Args: { "product_id": string,"reason": string,"tiers": Json }; Returns: Json
                           },
"set_token_top_up":
{ Args: { "consent"?: Json,"currency": string,"gateway": string,"method_id": string,"monthly_cap": number,"monthly_times"?: number,"product_id": string,"threshold": number }; Returns: Json
                           },
"spend_tokens":
{ Args: { "amount": number,"idempotency_key": string,"metadata"?: Json,"reason"?: string }; Returns: Database["public"]['CompositeTypes']["token_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"spend_tokens_for":
{ Args: { "amount": number,"idempotency_key": string,"metadata"?: Json,"reason"?: string,"user_id": string }; Returns: Database["public"]['CompositeTypes']["token_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"stop_token_top_up":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"subscribe_token_plan":
{ Args: { "consent"?: Json,"currency": string,"gateway": string,"method_id": string,"plan_id": string,"trial"?: string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"test_token_endpoint":
{ Args: { "id": string }; Returns: string
                           },
"token_console_act":
{ Args: { "action": string,"arguments"?: Json,"idempotency_key": string,"reason": string,"subject": string }; Returns: Json
                           },
"token_console_export":
{ Args: { "format"?: string,"options": Json,"reason": string,"report": string }; Returns: string
                           },
"token_console_get":
{ Args: { "id"?: string,"what": string }; Returns: Json
                           },
"token_console_list":
{ Args: { "after"?: string,"filters"?: Json,"list": string,"page_size"?: number }; Returns: Json
                           },
"token_console_report":
{ Args: { "options": Json,"report": string }; Returns: Json
                           },
"token_console_search":
{ Args: { "q": string }; Returns: Json
                           },
"tokens":
{ Args: { "profile": Omit<Database["public"]['Tables']["profiles"]['Row'], Database["public"]['Tables']["profiles"]['ComputedFields']> }; Returns: number
                           },
"update_profile":
{ Args: { "display_name"?: string,"locale"?: string }; Returns: {
              "created_at": string,
"display_name": string,
"id": string,
"locale": string
            }
                          SetofOptions: {
        from: "*"
        to: "profiles"
        isOneToOne: true
        isSetofReturn: false
      } },
"upgrade_token_plan":
{ Args: { "consent"?: Json,"plan_id": string,"subscription_id": string }; Returns: {
              "amount": number,
"anchor": string,
"cancel_at_end": boolean,
"created_at": string,
"currency": string,
"end_reason": string | null,
"ended_at": string | null,
"every": string,
"family": string,
"gateway": string,
"grace_until": string | null,
"id": string,
"live": boolean,
"method_id": string | null,
"needs": string | null,
"next_charge_at": string | null,
"next_plan_id": string | null,
"pause_at_end": boolean,
"period": number,
"period_end": string,
"period_start": string,
"plan_id": string,
"rollover": string,
"rollover_cap": number | null,
"status": string,
"time_zone": string,
"tokens": number,
"trial": string | null,
"updated_at": string,
"user_id": string,
"version": number
            }
                          SetofOptions: {
        from: "*"
        to: "token_subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"use_feature":
{ Args: { "feature": string,"idempotency_key": string,"metadata"?: Json }; Returns: Database["public"]['CompositeTypes']["token_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"use_feature_for":
{ Args: { "feature": string,"idempotency_key": string,"metadata"?: Json,"user_id": string }; Returns: Database["public"]['CompositeTypes']["token_receipt"]
                          SetofOptions: {
        from: "*"
        to: "token_receipt"
        isOneToOne: true
        isSetofReturn: false
      } },
"void_token_orders":
{ Args: { "product_id": string }; Returns: number
                           },
"void_token_orders_for":
{ Args: { "product_id": string }; Returns: number
                           },
"withdraw_token_cash_receipt":
{ Args: { "order_id": string }; Returns: boolean
                           }
          }
          Enums: {
            [_ in never]: never
          }
          CompositeTypes: {
            "coinslot_cash_receipt": {
                        "payment": Database["public"]['Tables']["token_payments"]['Row'] | null,"kind": string | null,"number": string | null,"amount": number | null,"wanted": number | null,"asked": number | null,"tax_free": number | null,"attempt": number | null,"answers": number | null,"tries": number | null,"asked_on": (string)[] | null,"by_gateway": boolean | null,"receipt_key": string | null,"lease": number | null
                      },"coinslot_closing": {
                        "payment": Database["public"]['Tables']["token_payments"]['Row'] | null,"round": number | null,"attempt_keys": (string)[] | null
                      },"coinslot_delivery": {
                        "id": number | null,"endpoint_id": string | null,"event_id": string | null,"type": string | null,"user_id": string | null,"seq": number | null,"state": string | null,"attempts": number | null,"next_attempt_at": string | null,"status": number | null,"error": string | null,"answer": string | null,"milliseconds": number | null,"created_at": string | null,"finished_at": string | null,"happened_at": string | null
                      },"coinslot_delivery_job": {
                        "id": number | null,"attempt": number | null,"endpoint_id": string | null,"url": string | null,"secrets": (string)[] | null,"event_id": string | null,"type": string | null,"body": string | null
                      },"coinslot_endpoint": {
                        "id": string | null,"name": string | null,"url": string | null,"types": (string)[] | null,"active": boolean | null,"off_reason": string | null,"failing_since": string | null,"secret_key": string | null,"old_secret_until": string | null,"pending": number | null,"parked": number | null,"created_at": string | null
                      },"coinslot_mail_job": {
                        "id": number | null,"attempt": number | null,"kind": string | null,"event_id": string | null,"address": string | null,"locale": string | null,"happened_at": string | null,"live": boolean | null,"data": Json | null,"payment": Json | null,"business": Json | null,"links": Json | null,"unsubscribe": string | null,"shown": Json | null
                      },"coinslot_operator_account": {
                        "user_id": string | null,"email": string | null,"role": string | null,"since": string | null,"active": boolean | null,"limits": Json | null
                      },"coinslot_payment_to_read": {
                        "payment": Database["public"]['Tables']["token_payments"]['Row'] | null,"attempt_key": string | null
                      },"coinslot_product": {
                        "id": string | null,"kind": string | null,"name": string | null,"name_ko": string | null,"tokens": number | null,"active": boolean | null,"prices": Json | null,"tokens_last_days": number | null,"tokens_end_at": string | null
                      },"coinslot_refund_job": {
                        "id": string | null,"key": string | null,"todo": string | null,"tries": number | null,"reason": string | null,"amount": number | null,"refundable": number | null,"currency": string | null,"gateway": string | null,"payment_key": string | null,"account": Json | null,"payment": Database["public"]['Tables']["token_payments"]['Row'] | null
                      },"coinslot_webhook_verdict": {
                        "webhook_id": number | null,"outcome": string | null,"finished": boolean | null
                      },"token_capture_receipt": {
                        "user_id": string | null,"seq": number | null,"delta": number | null,"balance": number | null,"created_at": string | null,"payment_id": string | null,"hold_id": string | null,"kind": string | null,"idempotency_key": string | null,"feature": string | null,"reason": string | null,"metadata": Json | null,"replayed": boolean | null,"missing": number | null
                      },"token_hold_receipt": {
                        "id": string | null,"user_id": string | null,"amount": number | null,"captured": number | null,"status": string | null,"feature": string | null,"idempotency_key": string | null,"reason": string | null,"expires_at": string | null,"created_at": string | null,"resolved_at": string | null,"replayed": boolean | null
                      },"token_merge_receipt": {
                        "from_user": string | null,"into_user": string | null,"tokens": number | null,"balance": number | null,"orders": number | null,"holds": number | null,"idempotency_key": string | null,"created_at": string | null,"replayed": boolean | null
                      },"token_receipt": {
                        "user_id": string | null,"seq": number | null,"delta": number | null,"balance": number | null,"created_at": string | null,"payment_id": string | null,"hold_id": string | null,"kind": string | null,"idempotency_key": string | null,"feature": string | null,"reason": string | null,"metadata": Json | null,"replayed": boolean | null
                      },"token_redemption": {
                        "outcome": string | null,"code": string | null,"tokens": number | null,"balance": number | null,"expires_at": string | null,"replayed": boolean | null
                      }
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {

          }
        }
} as const
