from sidecar.logs import blank


def test_secret_is_blanked_wherever_it_turns_up() -> None:
    process = blank(["hush", "hush-hush", ""])
    event = {"event": "call", "url": "https://x/?k=hush-hush", "exception": "E('hush')", "n": 1}
    assert process(None, "info", event) == {
        "event": "call",
        "url": "https://x/?k=***",
        "exception": "E('***')",
        "n": 1,
    }
