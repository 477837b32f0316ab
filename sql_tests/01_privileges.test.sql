-- Who may do what with every object: a table, view, sequence or function that is not in these
-- matrices fails, and so does a line without its object.
begin;
\ir helpers/call.sql

-- The API's roles read; nobody but the owner writes.
create temporary table relation_grants (relation, anon, authenticated, service_role) as values
('coinslot.referral_codes', '', '', ''),
('coinslot.referrals', '', '', ''),
('coinslot.referrals_id_seq', '', '', ''),
('coinslot.referral_identities', '', '', ''),
('coinslot.instruments', '', '', ''),
('coinslot.promotions', '', '', ''),
('coinslot.promotion_codes', '', '', ''),
('coinslot.promotion_slots', '', '', ''),
('coinslot.promotion_uses', '', '', ''),
('coinslot.promotion_uses_id_seq', '', '', ''),
('coinslot.promotion_identities', '', '', ''),
('coinslot.code_rations', '', '', ''),
('coinslot.checked_codes', '', '', ''),
('coinslot.charges', '', '', ''),
('coinslot.document_series', '', '', ''),
('coinslot.erasures', '', '', ''),
('public.token_documents', '', 'SELECT', 'SELECT'),
('public.token_tiers', 'SELECT', 'SELECT', 'SELECT'),
('coinslot.refills', '', '', ''),
('coinslot.group_members', '', '', ''),
('coinslot.refill_grants', '', '', ''),
('coinslot.refill_identities', '', '', ''),
('coinslot.refill_walks', '', '', ''),
('coinslot.audit_lines', '', '', ''),
('coinslot.audits', '', '', ''),
('coinslot.audits_id_seq', '', '', ''),
('coinslot.confirmed_identities', '', '', ''),
('coinslot.discrepancies', '', '', ''),
('coinslot.discrepancies_id_seq', '', '', ''),
('coinslot.errors', '', '', ''),
('coinslot.gateways', '', '', ''),
('coinslot.hint_rations', '', '', ''),
('coinslot.identities', '', '', ''),
('coinslot.imported_balances', '', '', ''),
('coinslot.imported_columns', '', '', ''),
('coinslot.ledger_checks', '', '', ''),
('coinslot.ledger_checks_id_seq', '', '', ''),
('coinslot.lot_backfill', '', '', ''),
('coinslot.lot_draws', '', '', ''),
('coinslot.lot_draws_id_seq', '', '', ''),
('coinslot.lot_takings', '', '', ''),
('coinslot.lot_takings_id_seq', '', '', ''),
('coinslot.merged_wallets', '', '', ''),
('coinslot.operator_actions', '', '', ''),
('coinslot.operator_actions_id_seq', '', '', ''),
('coinslot.operator_calls', '', '', ''),
('coinslot.operators', '', '', ''),
('coinslot.payment_attempts', '', '', ''),
('coinslot.payment_attempts_id_seq', '', '', ''),
('coinslot.payment_closings', '', '', ''),
('coinslot.payment_reads', '', '', ''),
('coinslot.payment_statuses', '', '', ''),
('coinslot.payment_transitions', '', '', ''),
('coinslot.refund_accounts', '', '', ''),
('coinslot.refunds', '', '', ''),
('coinslot.settings', '', '', ''),
('coinslot.spend_refunds', '', '', ''),
('coinslot.token_holds', '', '', ''),
('coinslot.webhook_types', '', '', ''),
('coinslot.webhooks', '', '', ''),
('coinslot.webhooks_id_seq', '', '', ''),
('public.token_features', 'SELECT', 'SELECT', 'SELECT'),
('public.token_payment_events', '', 'SELECT', 'SELECT'),
('public.token_payment_events_id_seq', '', '', ''),
('public.token_payments', '', 'SELECT', 'SELECT'),
('public.token_prices', 'SELECT', 'SELECT', 'SELECT'),
('public.token_offers', 'SELECT', 'SELECT', 'SELECT'),
('public.token_products', 'SELECT', 'SELECT', 'SELECT'),
('public.profiles', '', 'SELECT', 'SELECT'),
('public.token_refunds', '', 'SELECT', 'SELECT'),
('public.token_ledger', '', 'SELECT', 'SELECT'),
('public.token_lots', '', 'SELECT', 'SELECT'),
('public.token_lots_id_seq', '', '', ''),
('public.token_wallets', '', 'SELECT', 'SELECT');

-- A name stands for one function: PostgREST cannot choose between overloads.
create temporary table function_grants (function, roles) as values
('coinslot.roles_for', ''),
('coinslot.actor_name', ''),
('coinslot.own_key', ''),
('coinslot.may_do', ''),
('coinslot.acting_operator', ''),
('coinslot.reading_operator', ''),
('coinslot.limit_of', ''),
('coinslot.left_to', ''),
('coinslot.check_limit', ''),
('coinslot.shown_email', ''),
('coinslot.check_filters', ''),
('coinslot.cursor_of', ''),
('coinslot.read_cursor', ''),
('coinslot.read_number', ''),
('coinslot.page_of', ''),
('coinslot.walk_length', ''),
('coinslot.order_item', ''),
('coinslot.is_remarkable', ''),
('coinslot.order_path', ''),
('coinslot.list_orders', ''),
('coinslot.attempts_of', ''),
('coinslot.refund_item', ''),
('coinslot.list_refunds', ''),
('coinslot.timeline_of', ''),
('coinslot.refund_room', ''),
('coinslot.can_with_order', ''),
('coinslot.tokens_of_order', ''),
('coinslot.get_order', ''),
('coinslot.customer_item', ''),
('coinslot.list_customers', ''),
('coinslot.list_entries', ''),
('coinslot.lots_of', ''),
('coinslot.holds_of', ''),
('coinslot.money_of', ''),
('coinslot.actions_on', ''),
('coinslot.get_customer', ''),
('coinslot.next_uuid', ''),
('coinslot.prove_wallet', ''),
('coinslot.fitting_actions', ''),
('coinslot.case_item', ''),
('coinslot.list_cases', ''),
('coinslot.webhook_item', ''),
('coinslot.list_webhooks_of', ''),
('coinslot.get_webhook', ''),
('coinslot.list_promotions_of', ''),
('coinslot.list_codes_of', ''),
('coinslot.list_actions', ''),
('coinslot.list_team', ''),
('coinslot.list_catalogue', ''),
('coinslot.find_things', ''),
('coinslot.attention', ''),
('coinslot.console_me', ''),
('coinslot.console_get', 'authenticated'),
('public.token_console_get', 'authenticated'),
('coinslot.console_list', 'authenticated'),
('public.token_console_list', 'authenticated'),
('coinslot.console_search', 'authenticated'),
('public.token_console_search', 'authenticated'),
('coinslot.refund_as', ''),
('coinslot.accept_as', ''),
('coinslot.void_as', ''),
('coinslot.whole_number', ''),
('coinslot.small_number', ''),
('coinslot.time_argument', ''),
('coinslot.subject_user', ''),
('coinslot.act_on_tokens', ''),
('coinslot.act_on_order', ''),
('coinslot.act_on_customer', ''),
('coinslot.act_on_case', ''),
('coinslot.close_as', ''),
('coinslot.replay_as', ''),
('coinslot.act_on_product', ''),
('coinslot.act_on_operator', ''),
('coinslot.do_action', ''),
('coinslot.check_act', ''),
('coinslot.console_act', 'authenticated'),
('public.token_console_act', 'authenticated'),
('coinslot.are_limits', ''),
('coinslot.own_role', ''),
('coinslot.make_webhooks_due', ''),
('coinslot.note_instrument', 'service_role'),
('public.coinslot_note_instrument', 'service_role'),
('coinslot.owner_of', ''),
('coinslot.get_invitation', 'authenticated'),
('public.get_token_invitation', 'authenticated'),
('coinslot.share_identity', ''),
('coinslot.invitation_problem', ''),
('coinslot.accept_invitation', 'authenticated'),
('public.accept_token_invitation', 'authenticated'),
('coinslot.has_kept_money', ''),
('coinslot.qualify_referral', ''),
('coinslot.undo_referral', ''),
('coinslot.try_wallets', ''),
('coinslot.referral_problem', ''),
('coinslot.post_reward', ''),
('coinslot.reward_referral', ''),
('coinslot.take_reward', ''),
('coinslot.take_rewards', ''),
('coinslot.settle_referrals', ''),
('coinslot.list_referrals', 'service_role'),
('public.coinslot_list_referrals', 'service_role'),
('coinslot.verify_referrals', ''),
('coinslot.are_amounts', ''),
('coinslot.normal_code', ''),
('coinslot.new_code', ''),
('coinslot.check_terms', ''),
('coinslot.save_promotion', ''),
('coinslot.set_promotion', 'service_role'),
('public.coinslot_set_promotion', 'service_role'),
('coinslot.set_token_promotion', 'authenticated'),
('public.set_token_promotion', 'authenticated'),
('coinslot.set_slots', ''),
('coinslot.set_code', 'service_role'),
('public.coinslot_set_code', 'service_role'),
('coinslot.set_token_code', 'authenticated'),
('public.set_token_code', 'authenticated'),
('coinslot.make_codes', 'service_role'),
('public.coinslot_make_codes', 'service_role'),
('coinslot.list_codes', 'service_role'),
('public.coinslot_list_codes', 'service_role'),
('coinslot.list_promotions', 'service_role'),
('public.coinslot_list_promotions', 'service_role'),
('coinslot.use_ration', ''),
('coinslot.look_up_code', ''),
('coinslot.checked_code', ''),
('coinslot.lock_identities', ''),
('coinslot.lock_pair', ''),
('coinslot.forget_test_referrals', ''),
('coinslot.count_uses', ''),
('coinslot.has_bought', ''),
('coinslot.code_problem', ''),
('coinslot.price_with_code', ''),
('coinslot.claim_slot', ''),
('coinslot.claim_use', ''),
('coinslot.refuse_code', ''),
('coinslot.apply_code', ''),
('coinslot.reserve_use', ''),
('coinslot.release_use', ''),
('coinslot.use_code', ''),
('coinslot.follow_money', ''),
('coinslot.check_code', 'authenticated'),
('public.check_token_code', 'authenticated'),
('coinslot.redemption', ''),
('coinslot.find_redemption', ''),
('coinslot.post_promotion', ''),
('coinslot.redeem_code', 'authenticated'),
('public.redeem_token_code', 'authenticated'),
('coinslot.verify_promotions', ''),
('coinslot.tax_statuses', ''),
('coinslot.with_tax', 'service_role'),
('coinslot.share', ''),
('coinslot.tax_within', ''),
('coinslot.next_serial', ''),
('coinslot.document_number', ''),
('coinslot.new_document', ''),
('coinslot.write_document', ''),
('coinslot.held_money', ''),
('coinslot.document_money', ''),
('coinslot.verify_documents', ''),
('coinslot.verify_series', ''),
('coinslot.get_document', 'authenticated'),
('coinslot.check_seller', ''),
('coinslot.set_seller', 'service_role'),
('coinslot.set_token_seller', 'authenticated'),
('public.get_token_document', 'authenticated'),
('public.coinslot_set_seller', 'service_role'),
('public.set_token_seller', 'authenticated'),
('coinslot.retention_regions', ''),
('coinslot.export_parts', ''),
('coinslot.known_user', ''),
('coinslot.retention_rules', ''),
('coinslot.retention_of', ''),
('coinslot.export_page', ''),
('coinslot.export_user', 'service_role'),
('coinslot.guard_entry', ''),
('coinslot.erasure_stakes', ''),
('coinslot.check_erasable', ''),
('coinslot.blank_user', ''),
('coinslot.blank_entries', ''),
('coinslot.erase_user', 'service_role'),
('coinslot.purge_hashes', ''),
('public.coinslot_export_user', 'service_role'),
('public.coinslot_erase_user', 'service_role'),
('coinslot.product_on_sale', ''),
('coinslot.order_of', ''),
('coinslot.discounted', 'service_role'),
('coinslot.tiered', ''),
('coinslot.tiers_of', 'anon, authenticated, service_role'),
('coinslot.check_quantity', ''),
('coinslot.check_tiers', ''),
('coinslot.get_tiers', ''),
('coinslot.set_tiers', 'service_role'),
('public.coinslot_set_tiers', 'service_role'),
('coinslot.set_token_tiers', 'authenticated'),
('public.set_token_tiers', 'authenticated'),
('coinslot.refill_period', ''),
('coinslot.is_another_period', ''),
('coinslot.rules_for', ''),
('coinslot.refills_of', ''),
('coinslot.use_identities', ''),
('coinslot.post_refill', ''),
('coinslot.reserved_of', ''),
('coinslot.grant_refills', ''),
('coinslot.next_refill', ''),
('coinslot.foreseen_refills', 'authenticated, service_role'),
('coinslot.look_for_refills', ''),
('coinslot.concerned_users', ''),
('coinslot.spread_refills', ''),
('coinslot.check_refill', ''),
('coinslot.note_action', ''),
('coinslot.require_owner', ''),
('coinslot.set_refill', 'service_role'),
('public.coinslot_set_refill', 'service_role'),
('coinslot.set_token_refill', 'authenticated'),
('public.set_token_refill', 'authenticated'),
('coinslot.list_refills', 'service_role'),
('public.coinslot_list_refills', 'service_role'),
('coinslot.set_group', 'service_role'),
('public.set_token_group_for', 'service_role'),
('coinslot.list_own_refills', 'authenticated'),
('public.list_token_refills', 'authenticated'),
('coinslot.lapse_refills', ''),
('coinslot.verify_refills', ''),
('public.accept_token_refund', 'authenticated'),
('public.accept_token_refund_for', 'service_role'),
('public.add_tokens', 'service_role'),
('public.coinslot_apply_gateway_payment', 'service_role'),
('public.coinslot_audit_open', 'service_role'),
('public.coinslot_audit_payments', 'service_role'),
('public.coinslot_audit_report', 'service_role'),
('public.coinslot_audit_unlisted', 'service_role'),
('public.coinslot_begin_audit', 'service_role'),
('public.cancel_token_order', 'authenticated'),
('public.capture_token_hold', 'service_role'),
('public.coinslot_check_installation', 'service_role'),
('public.coinslot_check_ledger', 'service_role'),
('public.coinslot_claim_closings', 'service_role'),
('public.coinslot_claim_payments', 'service_role'),
('public.coinslot_claim_refunds', 'service_role'),
('public.coinslot_claim_webhooks', 'service_role'),
('public.coinslot_close_refund', 'service_role'),
('public.coinslot_add_operator', 'service_role'),
('public.coinslot_list_operators', 'service_role'),
('public.coinslot_remove_operator', 'service_role'),
('public.create_token_order', 'authenticated'),
('public.coinslot_due_audits', 'service_role'),
('public.coinslot_finish_audit', 'service_role'),
('public.coinslot_finish_closing', 'service_role'),
('public.coinslot_finish_webhook', 'service_role'),
('public.coinslot_get_attempt_key', 'service_role'),
('public.coinslot_get_backlog', 'service_role'),
('public.coinslot_get_refund', 'service_role'),
('public.coinslot_get_settings', 'service_role'),
('public.get_user_tokens', 'authenticated'),
('public.extend_token_hold', 'service_role'),
('public.coinslot_go_live', 'service_role'),
('public.hold_feature_for', 'service_role'),
('public.hold_tokens_for', 'service_role'),
('public.coinslot_list_discrepancies', 'service_role'),
('public.list_expiring_tokens', 'service_role'),
('public.list_token_holds', 'authenticated'),
('public.list_token_lots', 'authenticated'),
('public.list_token_refunds', 'authenticated'),
('public.coinslot_list_products', 'service_role'),
('public.coinslot_list_webhooks', 'service_role'),
('public.merge_token_wallets', 'service_role'),
('public.coinslot_open_payment', 'service_role'),
('public.coinslot_record_refund_answer', 'service_role'),
('public.coinslot_refuse_payment_attempt', 'service_role'),
('public.release_token_hold', 'service_role'),
('public.coinslot_remove_product', 'service_role'),
('public.coinslot_replay_webhooks', 'service_role'),
('public.refund_spend_for', 'service_role'),
('public.request_token_refund', 'authenticated'),
('public.request_token_refund_for', 'service_role'),
('public.coinslot_resolve_discrepancy', 'service_role'),
('public.coinslot_return_payments', 'service_role'),
('public.coinslot_return_webhooks', 'service_role'),
('public.coinslot_run_maintenance', 'service_role'),
('public.coinslot_set_product', 'service_role'),
('public.spend_tokens', 'authenticated'),
('public.spend_tokens_for', 'service_role'),
('public.coinslot_schema_version', 'service_role'),
('public.coinslot_store_webhook', 'service_role'),
('public.tokens', 'authenticated, service_role'),
('public.update_profile', 'authenticated'),
('public.use_feature', 'authenticated'),
('public.use_feature_for', 'service_role'),
('public.coinslot_verify_ledger', 'service_role'),
('public.void_token_orders', 'authenticated'),
('public.void_token_orders_for', 'service_role'),
('coinslot.absorb_history', ''),
('coinslot.account_lock', ''),
('coinslot.add_operator', 'service_role'),
('coinslot.add_tokens', 'service_role'),
('coinslot.adopt_users', ''),
('coinslot.adoption_lock', ''),
('coinslot.agrees', ''),
('coinslot.apply_attempt', ''),
('coinslot.apply_gateway_payment', 'service_role'),
('coinslot.apply_news', ''),
('coinslot.apply_outcomes', ''),
('coinslot.are_links', ''),
('coinslot.are_texts', ''),
('coinslot.argument_names', ''),
('coinslot.as_parsed', ''),
('coinslot.ask_again', ''),
('coinslot.attempt_problem', ''),
('coinslot.attempt_states', ''),
('coinslot.audit_lease', ''),
('coinslot.audit_looks', ''),
('coinslot.audit_open', 'service_role'),
('coinslot.audit_payments', 'service_role'),
('coinslot.audit_retry', ''),
('coinslot.audit_report', 'service_role'),
('coinslot.audit_unlisted', 'service_role'),
('coinslot.available', 'authenticated, service_role'),
('coinslot.await_adoption', ''),
('coinslot.backfill_lots', ''),
('coinslot.balance_problems', ''),
('coinslot.balances_by_owner', ''),
('coinslot.begin_audit', 'service_role'),
('coinslot.begin_upgrade', ''),
('coinslot.cancel_order', 'authenticated'),
('coinslot.cancel_orders', ''),
('coinslot.can_cancel', ''),
('coinslot.canonical_email', ''),
('coinslot.capture_hold', 'service_role'),
('coinslot.capture_receipt', ''),
('coinslot.check_attempt', ''),
('coinslot.check_buyer', ''),
('coinslot.check_call', ''),
('coinslot.check_expiry', ''),
('coinslot.check_identities', ''),
('coinslot.check_installation', 'service_role'),
('coinslot.check_ledger', 'service_role'),
('coinslot.check_lines', ''),
('coinslot.check_merge', ''),
('coinslot.check_mergeable', ''),
('coinslot.check_merged_sums', ''),
('coinslot.check_method', ''),
('coinslot.check_objects', ''),
('coinslot.check_open', ''),
('coinslot.check_order_limits', ''),
('coinslot.check_product', ''),
('coinslot.check_product_expiry', ''),
('coinslot.check_refund', ''),
('coinslot.check_rivals', ''),
('coinslot.check_spend_refund', ''),
('coinslot.check_rules', ''),
('coinslot.check_settings', ''),
('coinslot.check_text', ''),
('coinslot.check_ttl', ''),
('coinslot.check_unspent', ''),
('coinslot.check_wallets', ''),
('coinslot.check_webhook', ''),
('coinslot.claim_closings', 'service_role'),
('coinslot.claim_payments', 'service_role'),
('coinslot.claim_refunds', 'service_role'),
('coinslot.claim_webhooks', 'service_role'),
('coinslot.close_left_wallets', ''),
('coinslot.close_orders', ''),
('coinslot.close_refund', 'service_role'),
('coinslot.close_table', ''),
('coinslot.close_wallet', ''),
('coinslot.column_problems', ''),
('coinslot.compare_manifest', ''),
('coinslot.compare_payments', ''),
('coinslot.count_closings', ''),
('coinslot.count_discrepancies', ''),
('coinslot.count_lots', ''),
('coinslot.count_payment_reads', ''),
('coinslot.count_refunds', ''),
('coinslot.count_reviews', ''),
('coinslot.count_webhooks', ''),
('coinslot.cover_expired', ''),
('coinslot.covered_payments', ''),
('coinslot.covered_tokens', ''),
('coinslot.create_order', 'authenticated'),
('coinslot.create_profile', ''),
('coinslot.currencies', ''),
('coinslot.current_user_id', 'authenticated'),
('coinslot.debit', ''),
('coinslot.debit_slowly', ''),
('coinslot.debt_of', ''),
('coinslot.declines_in_a_row', ''),
('coinslot.dependent_functions', ''),
('coinslot.dependent_objects', ''),
('coinslot.deviations', ''),
('coinslot.draw_kept', ''),
('coinslot.draw_lots', ''),
('coinslot.draw_taking', ''),
('coinslot.due_reads', ''),
('coinslot.end_change', ''),
('coinslot.end_refund', ''),
('coinslot.end_test_orders', ''),
('coinslot.end_webhook', ''),
('coinslot.expire_holds', ''),
('coinslot.expire_lots', ''),
('coinslot.expire_orders', ''),
('coinslot.expire_tokens', ''),
('coinslot.extend_hold', 'service_role'),
('coinslot.fail', 'authenticated'),
('coinslot.fault_of', ''),
('coinslot.feature_price', ''),
('coinslot.file_webhook', ''),
('coinslot.find_capture', ''),
('coinslot.find_hold_replay', ''),
('coinslot.find_merge_replay', ''),
('coinslot.find_order_replay', ''),
('coinslot.find_payment', ''),
('coinslot.find_refund_replay', ''),
('coinslot.find_replay', ''),
('coinslot.find_spend', ''),
('coinslot.find_spend_refund', ''),
('coinslot.due_audits', 'service_role'),
('coinslot.end_look', ''),
('coinslot.finish_audit', 'service_role'),
('coinslot.finish_webhook', 'service_role'),
('coinslot.first_user', ''),
('coinslot.fold', ''),
('coinslot.fold_if_due', ''),
('coinslot.follow_confirmation', ''),
('coinslot.follow_confirmations', ''),
('coinslot.follow_identity', ''),
('coinslot.follow_user', ''),
('coinslot.follow_users', ''),
('coinslot.foreseen_lots', 'authenticated, service_role'),
('coinslot.free_lots', ''),
('coinslot.free_set_aside', ''),
('coinslot.get_backlog', 'service_role'),
('coinslot.get_refund', 'service_role'),
('coinslot.get_settings', 'service_role'),
('coinslot.give_back', ''),
('coinslot.get_shop', ''),
('coinslot.go_live', 'service_role'),
('coinslot.grant_signup_bonus', ''),
('coinslot.grants_in', ''),
('coinslot.guard_mode', ''),
('coinslot.guard_event', ''),
('coinslot.guard_transition', ''),
('coinslot.histories_of', ''),
('coinslot.has_trigger', ''),
('coinslot.hold', ''),
('coinslot.hold_feature_for', 'service_role'),
('coinslot.hold_receipt', ''),
('coinslot.hold_tokens_for', 'service_role'),
('coinslot.identities_of', ''),
('coinslot.import_balances', ''),
('coinslot.import_problems', ''),
('coinslot.is_abandoned', ''),
('coinslot.is_due', ''),
('coinslot.is_imported', ''),
('coinslot.is_live', ''),
('coinslot.install_auth_triggers', ''),
('coinslot.is_refund_done', ''),
('coinslot.is_spend', ''),
('coinslot.judge_refund', ''),
('coinslot.keep_later_moves', ''),
('coinslot.keep_an_owner', ''),
('coinslot.knows_secret', ''),
('coinslot.lapsed', 'authenticated, service_role'),
('coinslot.ledger_check_step', ''),
('coinslot.left_of_spend', ''),
('coinslot.list_discrepancies', 'service_role'),
('coinslot.list_expiring', 'service_role'),
('coinslot.list_holds', 'authenticated'),
('coinslot.list_lots', 'authenticated'),
('coinslot.list_operators', 'service_role'),
('coinslot.list_products', 'service_role'),
('coinslot.list_token_refunds', 'authenticated'),
('coinslot.list_webhooks', 'service_role'),
('coinslot.lock_accounts', ''),
('coinslot.lock_for_merge', ''),
('coinslot.lock_for_upgrade', ''),
('coinslot.lock_hold', ''),
('coinslot.lock_owner', ''),
('coinslot.lock_test_orders', ''),
('coinslot.lock_wallet', ''),
('coinslot.lock_wallet_of_hold', ''),
('coinslot.looked_at', ''),
('coinslot.lot_of', ''),
('coinslot.made_before', ''),
('coinslot.make_balance_field', ''),
('coinslot.make_imported_lots', ''),
('coinslot.make_lot', ''),
('coinslot.make_lots', ''),
('coinslot.make_lots_of', ''),
('coinslot.manifest', ''),
('coinslot.max_amount', ''),
('coinslot.money_for', ''),
('coinslot.move_lots', ''),
('coinslot.need_for', 'authenticated, service_role'),
('coinslot.note_change', ''),
('coinslot.note_debt', ''),
('coinslot.new_order_id', ''),
('coinslot.note_habit', ''),
('coinslot.note_habits', ''),
('coinslot.note_warning', ''),
('coinslot.must_not_be_added', ''),
('coinslot.note_operator', ''),
('coinslot.note_webhook_type', ''),
('coinslot.oldest_sidecar', ''),
('coinslot.may_act', ''),
('coinslot.merge_receipt', ''),
('coinslot.merge_wallets', 'service_role'),
('coinslot.merged_tokens', ''),
('coinslot.mode_lock', ''),
('coinslot.move_holds', ''),
('coinslot.move_orders', ''),
('coinslot.move_payment', ''),
('coinslot.move_tokens', ''),
('coinslot.moved_tokens', ''),
('coinslot.new_attempt', 'service_role'),
('coinslot.new_entry', ''),
('coinslot.next_attempt', ''),
('coinslot.note_ledger_check', ''),
('coinslot.old_balances', ''),
('coinslot.on_auth', ''),
('coinslot.open_hold', ''),
('coinslot.open_ledger_check', ''),
('coinslot.open_payment', 'service_role'),
('coinslot.open_table', ''),
('coinslot.open_test_orders', ''),
('coinslot.open_test_refunds', ''),
('coinslot.operator_roles', ''),
('coinslot.order_expiry', ''),
('coinslot.overage_of', ''),
('coinslot.order_id_form', ''),
('coinslot.own_histories', 'authenticated'),
('coinslot.own_relations', ''),
('coinslot.parse_time', ''),
('coinslot.payment_facts', ''),
('coinslot.payment_methods', ''),
('coinslot.payment_status', ''),
('coinslot.plan_hint', ''),
('coinslot.post_credit', ''),
('coinslot.post_entry', ''),
('coinslot.post_spend_refund', ''),
('coinslot.present_columns', ''),
('coinslot.present_functions', ''),
('coinslot.present_objects', ''),
('coinslot.present_parts', ''),
('coinslot.present_policies', ''),
('coinslot.present_relations', ''),
('coinslot.present_rows', ''),
('coinslot.present_triggers', ''),
('coinslot.prepare_restore', ''),
('coinslot.present_types', ''),
('coinslot.public_names', ''),
('coinslot.purge', ''),
('coinslot.purge_account_holders', ''),
('coinslot.purge_hint_rations', ''),
('coinslot.purge_audit_lines', ''),
('coinslot.purge_ledger_checks', ''),
('coinslot.purge_orders', ''),
('coinslot.purge_webhooks', ''),
('coinslot.put_back', ''),
('coinslot.queue_key', ''),
('coinslot.quote_order', ''),
('coinslot.quote_refund', ''),
('coinslot.accept_refund', 'authenticated'),
('coinslot.accept_refund_for', 'service_role'),
('coinslot.close_later', ''),
('coinslot.closing_wait', ''),
('coinslot.find_accepted_refund', ''),
('coinslot.finish_closing', 'service_role'),
('coinslot.get_attempt_key', 'service_role'),
('coinslot.has_ended', ''),
('coinslot.is_asked', ''),
('coinslot.lateness', ''),
('coinslot.proposes_refund', ''),
('coinslot.read_later', ''),
('coinslot.refill_lots', ''),
('coinslot.renew_lot', ''),
('coinslot.replay_entry', ''),
('coinslot.replay_history', ''),
('coinslot.replay_merge', ''),
('coinslot.replay_spends', ''),
('coinslot.reserve_lots', ''),
('coinslot.reserve_refund', ''),
('coinslot.schedule_closing', ''),
('coinslot.seen_events', ''),
('coinslot.selling_gateway', ''),
('coinslot.set_expiry', ''),
('coinslot.start_accepted_refund', ''),
('coinslot.sweep_holds', ''),
('coinslot.take_from_lots', ''),
('coinslot.take_tokens', ''),
('coinslot.undo_debt', ''),
('coinslot.undo_spend', ''),
('coinslot.undo_takings', ''),
('coinslot.verified_wallets', ''),
('coinslot.verify_draws', ''),
('coinslot.verify_lot_entries', ''),
('coinslot.verify_lots', ''),
('coinslot.verify_places', ''),
('coinslot.void_orders', ''),
('coinslot.void_token_orders', 'authenticated'),
('coinslot.void_token_orders_for', 'service_role'),
('coinslot.read_wait', ''),
('coinslot.readable_at', ''),
('coinslot.receipt', ''),
('coinslot.record_audit_discrepancies', ''),
('coinslot.record_discrepancy', ''),
('coinslot.record_event', ''),
('coinslot.record_merge', ''),
('coinslot.record_odd_window', ''),
('coinslot.record_refund_answer', 'service_role'),
('coinslot.record_refusal', ''),
('coinslot.refund_answers', ''),
('coinslot.refund_lease', ''),
('coinslot.refund_patience', ''),
('coinslot.refund_spend', ''),
('coinslot.refund_spend_for', 'service_role'),
('coinslot.refund_wait', ''),
('coinslot.refundable_attempt', ''),
('coinslot.refunds_in_a_row', ''),
('coinslot.refuse_attempt', ''),
('coinslot.refuse_change', ''),
('coinslot.refuse_held_key', ''),
('coinslot.refuse_open_refund', ''),
('coinslot.refuse_payment_attempt', 'service_role'),
('coinslot.refuse_problems', ''),
('coinslot.refuse_resolved', ''),
('coinslot.refuse_test_tokens', ''),
('coinslot.refuse_write', ''),
('coinslot.release_hold', 'service_role'),
('coinslot.released', ''),
('coinslot.remove_operator', 'service_role'),
('coinslot.remove_product', 'service_role'),
('coinslot.reopen_left_wallets', ''),
('coinslot.reopen_wallet', ''),
('coinslot.repair', ''),
('coinslot.repair_auth_trigger', ''),
('coinslot.repair_for', ''),
('coinslot.repair_grants', ''),
('coinslot.repair_rights', ''),
('coinslot.repair_row', ''),
('coinslot.replay_webhooks', 'service_role'),
('coinslot.report_test_orders', ''),
('coinslot.request_refund', 'authenticated'),
('coinslot.request_refund_for', 'service_role'),
('coinslot.require_operator', ''),
('coinslot.resolve_discrepancy', 'service_role'),
('coinslot.resolve_hold', ''),
('coinslot.return_payments', 'service_role'),
('coinslot.return_webhooks', 'service_role'),
('coinslot.reverse_test_payments', ''),
('coinslot.revive_refunds', ''),
('coinslot.run_maintenance', 'service_role'),
('coinslot.same_fact', ''),
('coinslot.save_attempt', ''),
('coinslot.save_refund', ''),
('coinslot.save_webhook', ''),
('coinslot.schedule_maintenance', ''),
('coinslot.schedule_reads', ''),
('coinslot.set_prices', ''),
('coinslot.set_product', 'service_role'),
('coinslot.settle_payment', ''),
('coinslot.settle_refund', ''),
('coinslot.settle_tokens', ''),
('coinslot.settle_webhook', ''),
('coinslot.settle_webhooks', ''),
('coinslot.show_tokens_on_profiles', ''),
('coinslot.spend_tokens', 'authenticated'),
('coinslot.spend_tokens_for', 'service_role'),
('coinslot.start_refund', ''),
('coinslot.stops_buyers', ''),
('coinslot.schema_version', 'service_role'),
('coinslot.store_webhook', 'service_role'),
('coinslot.table_problems', ''),
('coinslot.take_balances', ''),
('coinslot.take_webhook', ''),
('coinslot.test_credits', ''),
('coinslot.tokens_to_reverse', ''),
('coinslot.uncounted_bonuses', ''),
('coinslot.unlisted_attempts', ''),
('coinslot.update_profile', 'authenticated'),
('coinslot.update_webhook', ''),
('coinslot.use_feature', 'authenticated'),
('coinslot.use_feature_for', 'service_role'),
('coinslot.use_up_accounts', ''),
('coinslot.user_named', ''),
('coinslot.usual_owner', ''),
('coinslot.verify_attempts', ''),
('coinslot.verify_kept', ''),
('coinslot.verify_keys', ''),
('coinslot.verify_ledger', 'service_role'),
('coinslot.verify_merges', ''),
('coinslot.verify_sources', ''),
('coinslot.verify_spend_refunds', ''),
('coinslot.verify_wallets', ''),
('coinslot.wallet_books', ''),
('coinslot.wallet_time', ''),
('coinslot.webhook_lease', ''),
('coinslot.webhook_outcomes', ''),
('coinslot.webhook_spacing', ''),
('coinslot.webhook_wait', ''),
('coinslot.without_deviations', ''),
('coinslot.word', ''),
('coinslot.write_entry', ''),
('coinslot.write_order', ''),
('coinslot.writing_triggers', ''),
('coinslot.write_manifest', '');

-- What is really there, apart from what an extension (pgTAP itself) brought.
create temporary view relations as
select c.oid, format('%s.%s', n.nspname, c.relname) as relation, c.relkind, c.relrowsecurity,
  c.relacl, c.relowner
from pg_class c inner join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'coinslot') and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  and not exists (
    select from pg_depend d
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  );

create temporary view functions as
select p.oid, format('%s.%s', n.nspname, p.proname) as function, n.nspname as schema, p.prosecdef,
  p.proconfig, p.prolang, p.pronargs, p.provolatile
from pg_proc p inner join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('public', 'coinslot') and not exists (
  select from pg_depend d
  where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
);

-- Every privilege there is, read from the list itself: a verb of a newer Postgres is not missed.
create function pg_temp.granted(object oid, grantee name) returns text
language sql as $$
  select coalesce(string_agg(a.privilege_type, ', ' order by a.privilege_type), '')
  from relations r
  cross join aclexplode(coalesce(
    r.relacl, acldefault(case r.relkind when 'S' then 's' else 'r' end::"char", r.relowner)
  )) a
  where r.oid = granted.object
    and a.grantee in (0, (select g.oid from pg_roles g where g.rolname = granted.grantee))
$$;

select plan(
  (select count(*)::integer from relation_grants) + (select count(*)::integer from function_grants)
  + 24
);

select is(
  case when r.oid is not null then jsonb_build_object(
    'anon', pg_temp.granted(r.oid, 'anon'),
    'authenticated', pg_temp.granted(r.oid, 'authenticated'),
    'service_role', pg_temp.granted(r.oid, 'service_role')
  ) end,
  case when g.relation is not null then to_jsonb(g) - 'relation' end,
  'grants on ' || coalesce(g.relation, r.relation)
) from relation_grants g full join relations r on r.relation = g.relation;

select is(
  case when f.oid is not null then concat_ws(
    ', ',
    case when has_function_privilege('public', f.oid, 'execute') then 'PUBLIC' end,
    case when has_function_privilege('anon', f.oid, 'execute') then 'anon' end,
    case when has_function_privilege('authenticated', f.oid, 'execute') then 'authenticated' end,
    case when has_function_privilege('service_role', f.oid, 'execute') then 'service_role' end
  ) end,
  g.roles,
  'who may call ' || coalesce(g.function, f.function)
) from function_grants g full join functions f on f.function = g.function;

select is(
  array(
    select format('%s.%s %s %s', r.relation, a.attname, x.grantee::regrole, x.privilege_type)
    from pg_attribute a
    inner join relations r on r.oid = a.attrelid
    cross join aclexplode(a.attacl) x
    where a.attacl is not null
    order by r.relation, a.attname, x.grantee::regrole::text
  ),
  array(
    select format('coinslot.refunds.%s %s SELECT', c.name, r.role)
    from unnest(array[
      'amount', 'created_at', 'currency', 'finished_at', 'id', 'order_id', 'payment_id', 'status',
      'tokens', 'user_id'
    ]) with ordinality c (name, n)
    cross join unnest(array['authenticated', 'service_role']) with ordinality r (role, n)
    order by c.n, r.n
  ) || array(
    select format('coinslot.token_holds.%s %s SELECT', c.name, r.role)
    from unnest(array[
      'amount', 'created_at', 'expires_at', 'refund_id', 'status', 'user_id'
    ]) with ordinality c (name, n)
    cross join unnest(array['authenticated', 'service_role']) with ordinality r (role, n)
    order by c.n, r.n
  ),
  'single columns are granted only where holds are counted and refunds shown, and only to be read'
);

-- Time. A computed field takes a row, and is no RPC.
create temporary view reachable as
select f.function, f.provolatile, f.proconfig
from functions f inner join pg_proc p on p.oid = f.oid
where f.schema = 'public' and (
  has_function_privilege('anon', f.oid, 'execute')
  or has_function_privilege('authenticated', f.oid, 'execute')
) and not exists (
  select from pg_class c where c.reltype = any (p.proargtypes) and c.relkind in ('r', 'v')
);
select is_empty(
  $$ select function from reachable
     where 'statement_timeout=1s' = any (proconfig) is not true $$,
  'every RPC that a user may call is limited in time'
);
select is_empty(
  $$ select function from reachable
     where provolatile = 'v' and 'lock_timeout=150ms' = any (proconfig) is not true $$,
  '... and waits for no lock for long'
);

select is_empty(
  $$ select f.function from functions f, unnest(f.proconfig) c (setting)
     where f.schema = 'public' and c.setting like 'statement_timeout=%'
       and c.setting <> 'statement_timeout=1s' $$,
  '... and none gives anybody more: PostgREST applies it before Postgres says who may call'
);

-- Schemas
select is(
  array(
    select concat_ws(' ', r.role, s.schema, p.verb)
    from unnest(array['anon', 'authenticated', 'service_role']) r (role)
    cross join unnest(array['coinslot', 'public']) s (schema)
    cross join unnest(array['usage', 'create']) p (verb)
    where has_schema_privilege(r.role, s.schema, p.verb) order by 1
  ),
  array[
    'anon public usage', 'authenticated coinslot usage', 'authenticated public usage',
    'service_role coinslot usage', 'service_role public usage'
  ],
  'no role of the API creates anything, and anon does not even reach the internals'
);

-- Row level security
select is_empty(
  $$ select relation from relations where relkind in ('r', 'p') and not relrowsecurity $$,
  'row level security is on for every table'
);
select is_empty(
  $$ select r.relation from relations r where r.relkind in ('r', 'p')
     and not exists (select from pg_policy p where p.polrelid = r.oid) $$,
  'every table says by policy who reads it'
);
select is_empty(
  $$ select r.relation, p.polname from pg_policy p inner join relations r on r.oid = p.polrelid
     where p.polcmd <> 'r' or not p.polpermissive or 0::oid = any (p.polroles) $$,
  'every policy is for reading, and for named roles'
);
select is_empty(
  $$ select r.relation, p.polname from pg_policy p inner join relations r on r.oid = p.polrelid
     where r.relation like 'coinslot.%'
       and r.relation not in ('coinslot.token_holds', 'coinslot.refunds')
       and pg_get_expr(p.polqual, p.polrelid) <> 'false' $$,
  'policies of internal tables let nobody read'
);
select is_empty(
  $$ select relation from relations r inner join pg_class c on c.oid = r.oid
     where r.relkind = 'v' and not 'security_invoker=true' = any (c.reloptions) $$,
  'views read with the rights of whoever asks'
);

-- Functions
select is_empty(
  $$ select function from functions where prosecdef and schema <> 'coinslot' $$,
  'no function that PostgREST shows runs with the rights of its owner'
);
select is_empty(
  $$ select function from functions
     where not coalesce('search_path=""' = any (proconfig), false) $$,
  'no function can be led astray by a search path'
);
select is_empty(
  $$ select function from functions group by function having count(*) > 1 $$,
  'no function is overloaded'
);
select is_empty(
  $$ select function from functions inner join pg_language l on l.oid = prolang
     where schema = 'public' and l.lanname <> 'sql' $$,
  'what PostgREST shows are thin wrappers'
);
select is_empty(
  $$ select f.function, r.role from functions f
     cross join unnest(array['anon', 'authenticated', 'service_role']) r (role)
     where f.schema = 'public' and has_function_privilege(r.role, f.oid, 'execute')
       and f.function not in ('public.tokens', 'public.get_user_tokens', 'public.coinslot_verify_ledger')
       and not has_function_privilege(
         r.role,
         (select i.oid from functions i
          where i.function = regexp_replace(f.function, '^public\.(coinslot_)?', 'coinslot.')),
         'execute') $$,
  'whoever may call a wrapper may call what it wraps, and the reverse is in the matrix'
);

-- Comments
select is_empty(
  $$ select relation from relations
     where relkind <> 'S' and obj_description(oid, 'pg_class') is null $$,
  'every table and view says what it is'
);
select is_empty(
  $$ select function from functions where obj_description(oid, 'pg_proc') is null $$,
  'every function says what it does'
);
select is_empty(
  $$ select t.typname from pg_type t
     inner join pg_class c on c.oid = t.typrelid and c.relkind = 'c'
     where t.typnamespace in ('public'::regnamespace, 'coinslot'::regnamespace)
       and obj_description(t.oid, 'pg_type') is null
       and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') $$,
  'every composite type says what it is'
);

-- The same by trying: grants are a promise, this is the answer.
create function pg_temp.writes(role text) returns setof text
language sql as $$
  select concat_ws(' ', v.verb, r.relation, pg_temp.call(
    writes.role, '00000000-0000-4000-8000-000000000001', case v.verb
      when 'insert' then format('insert into %s default values returning 1', r.relation)
      when 'update' then format('update %s set %I = default returning 1', r.relation, a.attname)
      when 'delete' then format('delete from %s returning 1', r.relation)
      when 'truncate' then format('truncate %s cascade', r.relation)
    end
  ))
  from relations r
  inner join pg_attribute a on a.attrelid = r.oid and a.attnum = 1
  cross join unnest(array['insert', 'update', 'delete', 'truncate']) v (verb)
  where r.relkind = 'r'
$$;
select is_empty(
  format('select w from pg_temp.writes(%L) w where w not like ''%%"code": "42501"%%''', r.role),
  r.role || ' is refused insert, update, delete and truncate on every table'
) from unnest(array['anon', 'authenticated', 'service_role']) r (role);
select is(
  pg_temp.call('anon', null, 'select * from ' || t.relation) ->> 'code', '42501',
  'nobody reads ' || t.relation || ' without signing in'
) from unnest(array['public.token_wallets', 'public.token_payments']) t (relation);
select is(
  pg_temp.as_service('select id from coinslot.token_holds') ->> 'code', '42501',
  'not even the service reads whole holds past the RPCs'
);

select * from finish();
rollback;
