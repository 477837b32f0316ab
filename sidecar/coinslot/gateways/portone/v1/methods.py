"""The ways to pay, as PortOne V1's browser SDK is asked for them and its API tells of them."""

PARAMETERS = {
    "card": "card",
    "kakaopay": "kakaopay",
    "naverpay": "naverpay",
    "tosspay": "tosspay",
    "transfer": "trans",
    "virtual_account": "vbank",
    "mobile": "phone",
}
"""`pay_method` of `IMP.request_pay`, by the way to pay."""

# Of a wallet the API tells what in it was used.
NAMES = {written: method for method, written in PARAMETERS.items()} | {
    "naverpay_card": "naverpay",
    "naverpay_point": "naverpay",
    "tosspay_card": "tosspay",
    "tosspay_money": "tosspay",
}
