"""Orders, payments and refunds as the OpenAPI document shows them."""

from coinslot.gateways.registry import GATEWAYS

ORDER = "ord0123456789abcdef0123456789abcdef"
ACCOUNT = {
    "bank": "신한은행",
    "account_number": "56211100000000",
    "holder": "(주)상점",
    "due_at": "2026-11-08T01:00:00+00:00",
}
PUBLIC = {
    "order_id": ORDER,
    "amount": 13000,
    "currency": "KRW",
    "status": "completed",
    "tokens": 0,
    "payment_method": GATEWAYS[0].name,
}
PAYMENT = {
    **PUBLIC,
    "id": "0b0e8a52-6f0c-4a53-9d3c-6a8f0a1f2c11",
    "user_id": "00000000-0000-4000-8000-000000000001",
    "product_id": "premium_reading",
    "name": "Premium Fortune Reading",
    "name_ko": "사주팔자 프리미엄 해석",
    "quantity": 1,
    "list_amount": None,
    "promo_code": None,
    "method": "card",
    "payment_key": "payment_0123456789",
    "paid": 13000,
    "refunded": 0,
    "disputed": 0,
    "withdrawn": 0,
    "failure_reason": None,
    "virtual_account": None,
    "expires_at": "2026-11-10T01:30:00+00:00",
    "deposit_until": "2026-11-17T01:00:00+00:00",
    "canceled_at": None,
    "expired_at": None,
    "voided_at": None,
    "created_at": "2026-11-10T01:00:00+00:00",
    "confirmed_at": "2026-11-10T01:02:03+00:00",
    "updated_at": "2026-11-10T01:02:03+00:00",
}
REFUND = {
    "id": "5c1f4d3e-2b8a-4f0e-9d55-0f1d7c0a9b34",
    "order_id": ORDER,
    "payment_key": "payment_0123456789",
    "amount": 2000,
    "currency": "KRW",
    "tokens": 4,
    "status": "succeeded",
    "failure_code": None,
    "failure_message": None,
    "created_at": "2026-11-10T02:00:00+00:00",
    "finished_at": "2026-11-10T02:00:01+00:00",
}
ENDPOINT = {
    "id": "8a0d5a52-6f2e-4c1e-9a44-2b1f6f0f7d11",
    "name": "app",
    "url": "https://app.example.com/hooks/coinslot",
    "types": None,
    "active": True,
    "off_reason": None,
    "failing_since": None,
    "secret_key": "main",
    "old_secret_until": None,
    "pending": 0,
    "parked": 0,
    "created_at": "2026-12-01T02:00:00+00:00",
}
OWNER_NEEDED = {
    "error": "Sign in as an operator who has one of the roles named here.",
    "code": "forbidden",
    "roles": ["owner"],
}
SHOP = {
    "methods": [
        {
            "id": "mobile",
            "currency": "KRW",
            "gateway": GATEWAYS[0].name,
            "logo": "phone",
            "max": 1000000,
        }
    ],
    "currency": {"default": "KRW", "offered": ["KRW"]},
    "links": {"terms": "https://example.com/terms", "support": "mailto:help@example.com"},
    "business": {"name": "주식회사 코인슬롯", "registration": "000-00-00000"},
    "refundDays": 7,
    "maxQuantity": 100,
    "takesCodes": True,
    "invitations": {"reward": 20, "bonus": 10},
    "subscriptions": [{"currency": "KRW", "gateway": "acme"}],
    "topUps": [{"currency": "KRW", "gateway": "acme"}],
}
NEW = {"success": True, "orderId": ORDER, "paymentId": PAYMENT["id"]}
