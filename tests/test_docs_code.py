"""Code in the documentation is tested code: a block is part of a tested file, or runs, or is looked
up name by name. A block of a language that has no rule here fails."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from coinslot.routes.openapi.operations import operations
from coinslot.settings.deployment import setting_names
from devstack import tools
from devstack.settings import ROOT
from tests.support.documentation import ALL_BLOCKS, PAGES, Block, prose, spans
from tests.support.documented_commands import accepted, wrong_with
from tests.test_docs_database import MIGRATIONS, signatures

if TYPE_CHECKING:
    import psycopg

EXAMPLES = [
    path.read_text(encoding="utf-8")
    for folder in ("tests/examples", "examples/events")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".mjs", ".ts", ".tsx", ".py", ".sql"}
]
"""Each of them runs, or is type-checked, in a test of its own."""

PUSHED = [
    path.read_text(encoding="utf-8").strip()
    for path in sorted((ROOT / "tests/apps").glob("*/*.sql"))
]
"""Files that an app pushes before and after Coinslot, as `tests/e2e/test_apps.py` does."""

DECLARED = "\n".join(
    (ROOT / f"sidecar/web/{name}.d.ts").read_text(encoding="utf-8")
    for name in ("coinslot", "cash-receipts", "invitation", "plans")
)
OWN_ROUTES = {"/api/ai/answer", "/api/merge"}
"""Those of the example app."""


def of(*languages: str) -> pytest.MarkDecorator:
    chosen = [block for block in ALL_BLOCKS if block.language in languages]
    assert chosen
    return pytest.mark.parametrize("block", chosen, ids=str)


def is_example(block: Block) -> bool:
    return any(block.code in example for example in EXAMPLES)


@pytest.mark.parametrize("block", ALL_BLOCKS, ids=str)
def test_every_block_has_a_language_with_a_rule(block: Block) -> None:
    assert block.language in {
        *("js", "ts", "tsx", "py", "sql", "sh", "html", "json", "toml", "yaml", "text")
    }


@pytest.mark.parametrize(
    "name",
    [
        *("ai_route/route.mjs", "ai_route/route.py", "ai_route/answers.sql"),
        *("react/TokenPurchase.tsx", "react/Answer.tsx", "shadcn/Tokens.tsx"),
        *("anonymous/route.mjs", "anonymous/signIn.mjs"),
        *("gateways/sidecar.ts", "gateways/portone.ts", "gateways/toss.ts"),
        *("gateways/widgets.ts", "gateways/stripe.ts"),
    ],
)
def test_example_is_shown_whole(name: str) -> None:
    example = (ROOT / "tests/examples" / name).read_text(encoding="utf-8").strip()
    assert example in {block.code for block in ALL_BLOCKS}


@of("ts", "tsx", "py")
def test_is_an_example_word_for_word(block: Block) -> None:
    assert is_example(block)


@of("json")
def test_json_parses(block: Block) -> None:
    json.loads(block.code)


@of("toml")
def test_toml_parses(block: Block) -> None:
    assert tomllib.loads(block.code)


@of("yaml")
def test_yaml_parses_and_names_settings_that_exist(block: Block) -> None:
    assert yaml.safe_load(block.code)
    named = set(re.findall(r"\b(?:COINSLOT|SUPABASE)_[A-Z_]+", block.code))
    assert {name.removesuffix("_FILE").lower() for name in named} <= set(setting_names())


# ---- JavaScript ----


@of("js")
def test_javascript_parses(block: Block) -> None:
    """As a module; every block by itself."""
    assert syntax_error(block.code) is None


@of("js", "html")
def test_javascript_calls_what_there_is(block: Block) -> None:
    assert is_example(block) or unknown_in(block.code) == []


@of("html")
def test_html_has_elements_and_attributes_that_exist(block: Block) -> None:
    assert unknown_elements(block.code) == []
    for script in scripts(block.code):
        assert syntax_error(script) is None


def scripts(html: str) -> list[str]:
    return re.findall(r"<script type=\"module\">(.*?)</script>", html, re.DOTALL)


def syntax_error(code: str) -> str | None:
    """Of a module, which is parsed and not run."""
    every = errors_in_the_docs()
    return every[code] if code in every else errors_in([code])[0]


@cache
def errors_in_the_docs() -> dict[str, str | None]:
    """All in one process of Node, which takes longer to start than to parse."""
    codes = [block.code for block in ALL_BLOCKS if block.language == "js"]
    codes += [
        code for block in ALL_BLOCKS if block.language == "html" for code in scripts(block.code)
    ]
    return dict(zip(codes, errors_in(codes), strict=True))


def errors_in(codes: list[str]) -> list[str | None]:
    command = [tools.require_node(), "--experimental-vm-modules", "--no-warnings"]
    command += ["--input-type=module", "--eval", _PARSER]
    given = json.dumps(codes)
    told = subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
    errors: list[str | None] = json.loads(told)
    return errors


_PARSER = """
import { readFileSync } from 'node:fs'
import vm from 'node:vm'
const errorIn = (code) => {
  try {
    new vm.SourceTextModule(code)
    return null
  } catch (error) {
    return String(error)
  }
}
console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(errorIn)))
"""


def unknown_in(code: str) -> list[str]:
    """RPCs, parameters, routes, fields of bodies, relations and exports that there are not."""
    code = re.sub(r"(?<![:`])//.*", "", code)
    found = []
    for name, given in re.findall(r"\.rpc\('(\w+)'(?:, \{(.*?)\})?\)", code, re.DOTALL):
        known = {each.partition(" =")[0] for each in signatures().get(name, [])}
        required = {each for each in signatures().get(name, []) if " = " not in each}
        sent = fields(given)
        right = name in signatures() and sent <= known and required <= sent
        found += [] if right else [f"rpc {name} {sorted(sent)}"]
    for path, given in re.findall(r"\bpost\('([^']+)', \{(.*?)\}\)", code, re.DOTALL):
        found += [] if accepted("post", path, fields(given)) else [f"POST {path} {given}"]
    for path in re.findall(r"fetch\((?:`\$\{SIDECAR_URL\}|')([^`']+)[`']", code):
        known_paths = {each.path for each in operations()} | OWN_ROUTES
        found += [] if path in known_paths else [f"fetch {path}"]
    for name in re.findall(r"\.from\('(\w+)'\)", code):
        made = re.search(rf"^ *create (table|view) public\.{name}\b", MIGRATIONS, re.MULTILINE)
        found += [] if made else [f"from {name}"]
    for names in re.findall(
        r"import \{ (.*?) \} from '[^']*/(?:coinslot|cash-receipts|invitation|plans)\.js'", code
    ):
        for name in names.split(", "):
            found += [] if f"export function {name}(" in DECLARED else [f"import {name}"]
    return found


def fields(given: str) -> set[str]:
    """The names in the inside of an object: `{ a: 1, b }`."""
    return set(re.findall(r"(?:^|,)\s*(\w+)(?=\s*[:,]|\s*$)", given))


def unknown_elements(code: str) -> list[str]:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "sidecar/web").rglob("*.js"))
    found = []
    for name, given in re.findall(r"<(coinslot-[\w-]+)([^>]*)>", code):
        found += [] if f"'{name}': " in DECLARED else [name]
        for attribute in re.findall(r"([\w-]+)=", given):
            found += [] if re.search(rf"\b{attribute}: \{{", sources) else [attribute]
    return found


# ---- SQL ----


@pytest.mark.parametrize(
    "block",
    [block for block in ALL_BLOCKS if block.language == "sql" and block.code not in PUSHED],
    ids=str,
)
def test_sql_runs(database: psycopg.Connection, block: Block) -> None:
    """On a migrated database; what changes rows changes at least one. An app has its own. An index
    is made in the way of others: the test is one transaction."""
    person = database.execute(
        "insert into auth.users (id, aud, role, email, email_confirmed_at, raw_app_meta_data)"
        " values (gen_random_uuid(), 'authenticated', 'authenticated', 'you@example.com', now(),"
        " '{}') returning id::text"
    ).fetchone()
    assert person
    for statement in re.sub(r"--.*|\bconcurrently\b", "", block.code).split(";"):
        if statement.strip():
            done = database.execute(statement.replace("USER_UUID", person[0]).encode())
            assert not statement.strip().startswith("update") or done.rowcount > 0, statement
    database.rollback()


# ---- commands ----


@of("sh")
def test_commands_exist(block: Block) -> None:
    for line in block.code.replace("\\\n", " ").splitlines():
        assert wrong_with(line) is None, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_text_exist(page: Path) -> None:
    for span in spans(prose(page)):
        if re.match(r"(make|coinslot|python -m|\.venv/bin/pytest) [a-z]", span):
            assert wrong_with(span) is None, span


# ---- that it can fail ----


@pytest.mark.parametrize(
    "code",
    [
        "await supabase.rpc('get_tokens')",
        "await supabase.rpc('use_feature', { feature: 'question' })",
        "await supabase.rpc('use_feature', { feature: 'answer', idempotency_key: 'b', key: 'a' })",
        "await post('/api/payments/check', { packageId: 'starter' })",
        "await post('/payment/toss/create', { product: 'starter' })",
        "await fetch(`${SIDECAR_URL}/store/settings`)",
        "supabase.from('ledger')",
        "import { defineCoins } from './coinslot/coinslot.js'",
    ],
)
def test_a_wrong_name_is_found(code: str) -> None:
    assert len(unknown_in(code)) == 1
    assert syntax_error(code) is None


def test_a_mistake_of_syntax_is_found() -> None:
    assert "SyntaxError" in str(syntax_error("const { a = await b()"))


@pytest.mark.parametrize("code", ["<coinslot-shop>", '<coinslot-store color="red">'])
def test_a_wrong_element_is_found(code: str) -> None:
    assert len(unknown_elements(code)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "make everything",
        "make bench LINES=1",
        "coinslot pay ord_1",
        "coinslot webhooks forget",
        "coinslot refund ord_1 --because x",
        "python -m devstack fly",
        "python -m tests.hurricane",
        ".venv/bin/pytest tests/test_none.py",
        'curl -X POST $SIDECAR_URL/payment/ord_…/refund -d \'{"why": "x"}\'',
        'curl -X POST $SIDECAR_URL/refund -d \'{"reason": "x"}\'',
        "rm -rf /",
        "docker build --file sidecar/deploy/Containerfile .",
        "uvicorn coinslot.server.asgi:application",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    assert wrong_with(line)
