from sidecar.logs import blank

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_"


def test_jwt_is_blanked_wherever_it_turns_up() -> None:
    event = {"event": f"Bearer {JWT}, and {JWT}", "deep": [{"token": JWT}, 1], "n": None}
    blanked = {"event": "Bearer ***, and ***", "deep": [{"token": "***"}, 1], "n": None}
    assert blank([])(None, "info", event) == blanked


def test_secret_is_blanked_wherever_it_turns_up() -> None:
    process = blank(["hush", "hush-hush", ""])
    event = {"event": "call", "url": "https://x/?k=hush-hush", "exception": "E('hush')", "n": 1}
    assert process(None, "info", event) == {
        "event": "call",
        "url": "https://x/?k=***",
        "exception": "E('***')",
        "n": 1,
    }
