import subprocess
import sys

from coinslot.logs import blank

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


def test_nobody_steers_the_terminal_or_writes_a_line_of_their_own() -> None:
    """The method of a request, a path, a gateway's message: each may hold anything."""
    told = """
import logging
from coinslot import logs
import structlog
logs.configure([], "console")
odd = "\\x1b[31mGET\\r\\nready ok\\x9b2J\\u202e\\ud800\\x00"
structlog.get_logger().info("request", method=odd, deep=[odd], headers={odd: odd})
logging.getLogger("sanic.error").error("%s is odd", odd)
try:
    raise ValueError(odd)
except ValueError:
    structlog.get_logger().exception("failed")
"""
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)
    said = done.stderr.decode()
    assert all(each.isprintable() or each == "\n" for each in said)
    assert said.count("\\x1b[31mGET\\r\\nready ok\\x9b2J\\u202e\\ud800\\x00") >= 2
    assert "Traceback" in said.splitlines()[3]


def test_whole_addresses_that_libraries_tell_are_left_out() -> None:
    """Sanic does so of each request that a stop cuts short, a gateway's library of each call."""
    told = """
import logging
from coinslot import logs
from coinslot.gateways import registry
logs.configure([], "json")
for name in ("httpx", "stripe", "sanic.root"):
    logging.getLogger(name).info("Request: GET http://x/?card=number-of-a-card stopped")
    logging.getLogger(name).warning("%s has trouble", name)
"""
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert "number-of-a-card" not in done.stderr
    assert done.stderr.count("has trouble") == 3
