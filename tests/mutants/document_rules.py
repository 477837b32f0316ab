"""Rules of receipts and credit notes, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant, Rewrite, Run, SidecarMutant, SqlMutant

DOCUMENTS = "sql_tests/39_documents.test.sql"
NUMBERS = "tests/database/test_documents.py"
PAGE = "tests/routes/test_page_document.py"


def _mutant(name: str, breaks: str, function: str, old: str, new: str, *proof: str) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", old, new),), proof)


MUTANTS: tuple[Mutant, ...] = (
    _mutant(
        "receipt-of-what-is-left",
        "money that came and went unseen has both documents",
        "document_money",
        "perform coinslot.write_document(v_payment, 'payment', 0, v_payment.paid);\n"
        "    v_told := v_payment.paid;",
        "perform coinslot.write_document(\n"
        "      v_payment, 'payment', 0, greatest(coinslot.held_money(v_payment), 1));\n"
        "    v_told := greatest(coinslot.held_money(v_payment), 1);",
        DOCUMENTS,
    ),
    _mutant(
        "receipt-of-old-money",
        "what was credited before there were documents has none",
        "document_money",
        "or old.confirmed_at is not null or",
        "or",
        DOCUMENTS,
    ),
    _mutant(
        "dispute-is-a-refund",
        "a credit note says why the money went back",
        "document_money",
        "when new.withdrawn > old.withdrawn then 'dispute'",
        "",
        DOCUMENTS,
    ),
    SqlMutant(
        "refund-larger-than-its-receipt",
        "no more is credited than was received",
        (
            Run(
                "create or replace function coinslot.held_money(payment public.token_payments) "
                "returns bigint language sql immutable parallel safe set search_path = '' "
                "return payment.paid - payment.refunded - payment.withdrawn"
            ),
        ),
        (DOCUMENTS,),
    ),
    _mutant(
        "numbers-of-a-sequence",
        "a number that is rolled back is given again",
        "next_serial",
        "on conflict on constraint document_series_pkey do update set last = s.last + 1",
        "on conflict on constraint document_series_pkey do update set last = s.last + 2",
        DOCUMENTS,
    ),
    SqlMutant(
        "numbered-before-the-end",
        "the counter is locked last, when a transaction commits",
        (
            Run(
                "drop trigger token_payments_documented on public.token_payments; "
                "create trigger token_payments_documented after update on public.token_payments "
                "for each row when (old.paid <> new.paid or old.refunded <> new.refunded "
                "or old.withdrawn <> new.withdrawn) execute function coinslot.document_money()"
            ),
        ),
        (NUMBERS,),
    ),
    _mutant(
        "test-money-among-the-real",
        "test payments have a series of their own",
        "write_document",
        "v_new.serial := coinslot.next_serial(payment.live,",
        "v_new.serial := coinslot.next_serial(true,",
        DOCUMENTS,
    ),
    _mutant(
        "rounded-parts",
        "the taxes of parts add up to those of the whole",
        "new_document",
        "0, sign(held - told) * (v_after.vat - v_before.vat)",
        "0, coinslot.share(v_after.vat, abs(held - told), greatest(held, 1))",
        DOCUMENTS,
    ),
    _mutant(
        "tax-that-cannot-be",
        "a split that does not fit its money is none",
        "with_tax",
        "if least(with_tax.vat, with_tax.tax_free) >= 0 and",
        "if",
        DOCUMENTS,
    ),
    _mutant(
        "small-sellers-split",
        "a simplified taxpayer prints no VAT",
        "tax_within",
        "if tax_status = 'simplified' then",
        "if false then",
        DOCUMENTS,
    ),
    _mutant(
        "tax-of-the-seller-today",
        "a credit note is taxed as its receipt was",
        "new_document",
        "if num_nulls(v_before.vat, v_after.vat) = 0 then",
        "v_before.vat := coalesce(v_before.vat, v_document.amount);\n"
        "  v_before.tax_free := coalesce(v_before.tax_free, 0);\n"
        "  if v_after.vat is not null then",
        DOCUMENTS,
    ),
    _mutant(
        "anothers-receipt",
        "a receipt is its owner's",
        "get_document",
        "and d.user_id = any (coinslot.histories_of(v_user_id))",
        "",
        DOCUMENTS,
    ),
    SqlMutant(
        "receipts-of-all",
        "people read the documents of their own payments",
        (
            Run(
                'alter policy "People read the documents of their own payments" '
                "on public.token_documents using (true)"
            ),
        ),
        (DOCUMENTS,),
    ),
    SqlMutant(
        "receipt-changed",
        "nothing in a document changes",
        (Run("drop trigger token_documents_append_only on public.token_documents"),),
        (DOCUMENTS,),
    ),
    _mutant(
        "seller-set-by-anybody",
        "an owner sets who sells",
        "set_token_seller",
        "perform coinslot.require_owner(set_token_seller.reason);",
        "",
        DOCUMENTS,
    ),
    _mutant(
        "gap-unseen",
        "a gap in a series is found",
        "verify_series",
        "(s.last is distinct from d.documents or s.last is distinct from d.last)",
        "false",
        DOCUMENTS,
    ),
    _mutant(
        "documents-unproved",
        "receipts less credit notes are the money",
        "verify_documents",
        "and coinslot.held_money(p) <> coalesce(d.money, 0)",
        "and false",
        DOCUMENTS,
    ),
    SidecarMutant(
        "receipt-unescaped",
        "texts of others are texts",
        Edit("sidecar/coinslot/routes/page_document.py", "autoescape=True", "autoescape=False"),
        (PAGE,),
    ),
)
