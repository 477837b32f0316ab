from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from coinslot.gateways.registry import open_gateways
from coinslot.settings.deployment import (
    Settings,
    SettingsError,
    load_settings,
    setting_names,
)
from coinslot.settings.supabase_keys import WELL_KNOWN_JWT_SECRET
from devstack.settings import DevstackSettings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
GIVEN = {
    "supabase_url": "https://project.supabase.co",
    "supabase_anon_key": "sb_publishable_a",
    "supabase_service_role_key": "sb_secret_b",
    "frontend_url": "https://app.example.com/",
}
ADDRESSES = [name for name in setting_names() if name.endswith("_url")]
PORTONE = {
    "iamport_code": "imp1",
    "iamport_api_key": "key-of-imp1",
    "iamport_api_secret": "hush-hush",
}


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of this shell and no .env of this checkout."""
    for name in (*setting_names(), *DevstackSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def load(**changes: Any) -> Settings:  # noqa: ANN401
    return load_settings(**{**GIVEN, **changes})


def refusal(**changes: Any) -> str:  # noqa: ANN401
    with pytest.raises(SettingsError) as caught:
        load(**changes)
    return str(caught.value)


OWN_SECRET = "a-secret-of-this-project-and-no-other-one"


def legacy_key(role: str, secret: str = OWN_SECRET) -> str:
    return jwt.encode({"role": role, "iss": "supabase"}, secret)


def test_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = [f"{name.upper()}={value}" for name, value in GIVEN.items()]
    (tmp_path / ".env").write_text("\n".join([*lines, "COINSLOT_SIDECAR_PORT=1001"]))
    assert load_settings().coinslot_sidecar_port == 1001
    monkeypatch.setenv("COINSLOT_SIDECAR_PORT", "1002")
    assert load_settings().coinslot_sidecar_port == 1002


def test_missing_ones_are_all_named() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    for name in GIVEN:
        assert f"{name.upper()} is not set" in str(caught.value)


async def test_gateway_without_keys_is_off() -> None:
    async with httpx.AsyncClient() as client:
        assert open_gateways(load(), client) == {}
        assert list(open_gateways(load(**PORTONE), client)) == ["portone"]


@pytest.mark.parametrize("left_out", PORTONE)
def test_half_given_keys_are_named(left_out: str) -> None:
    half = {name: value for name, value in PORTONE.items() if name != left_out}
    said = refusal(**half)
    assert f"{left_out.upper()} not set" in said
    assert all(name.upper() not in said for name in half)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"supabase_url": "project.supabase.co"}, "SUPABASE_URL"),
        ({"frontend_url": "javascript:alert(1)"}, "FRONTEND_URL"),
        ({"coinslot_mode": "production"}, "COINSLOT_MODE"),
        ({"coinslot_sidecar_port": "http"}, "COINSLOT_SIDECAR_PORT"),
        ({"cors_origins": "*"}, "CORS_ORIGINS"),
        ({"cors_origins": "https://app.example.com,*"}, "CORS_ORIGINS"),
        ({"cors_origins": "https://*.example.com"}, "CORS_ORIGINS"),
        ({"coinslot_limit_orders": "many"}, "COINSLOT_LIMIT_ORDERS"),
        ({"coinslot_limit_reads": "0/minute"}, "COINSLOT_LIMIT_READS"),
        ({"coinslot_limit_reads": "1/minute;2/hour"}, "COINSLOT_LIMIT_READS"),
        ({"coinslot_limit_refunds": "5/fortnight"}, "COINSLOT_LIMIT_REFUNDS"),
        ({"coinslot_limit_storage": "redis.example.com"}, "COINSLOT_LIMIT_STORAGE"),
        ({"coinslot_limit_storage": "async+memcached://127.0.0.1"}, "COINSLOT_LIMIT_STORAGE"),
        ({"coinslot_real_ip_header": "X Real"}, "COINSLOT_REAL_IP_HEADER"),
        ({"coinslot_forwarded_secret": "short"}, "COINSLOT_FORWARDED_SECRET"),
        ({"coinslot_forwarded_secret": "a secret; for=192.0.2.1"}, "COINSLOT_FORWARDED_SECRET"),
        ({"cors_origins": "https://app.example.com/path"}, "CORS_ORIGINS"),
        ({"supabase_anon_key": "sb_secret_b"}, "SUPABASE_ANON_KEY"),
        ({"supabase_anon_key": legacy_key("service_role")}, "SUPABASE_ANON_KEY"),
        ({"supabase_service_role_key": "sb_publishable_a"}, "SUPABASE_SERVICE_ROLE_KEY"),
        ({"supabase_service_role_key": legacy_key("anon")}, "SUPABASE_SERVICE_ROLE_KEY"),
    ],
)
def test_wrong_one_is_named(changes: dict[str, str], named: str) -> None:
    assert named in refusal(**changes)


def test_both_kinds_of_supabase_keys_are_taken() -> None:
    load()
    load(
        supabase_anon_key=legacy_key("anon"),
        supabase_service_role_key=legacy_key("service_role"),
    )


def test_shared_limits_are_a_secret() -> None:
    """The address may hold a password."""
    address = "async+rediss://coinslot:hush-hush@redis.example.com:6380/1"
    settings = load(coinslot_limit_storage=address)
    assert "hush-hush" not in repr(settings)
    assert address in settings.secrets()


HUSH = "hush-hush-hush"


@pytest.mark.parametrize(
    "address",
    [
        f"async+redis://user:{HUSH}@redis.example.com:6379/0?foo=1",
        f"async+redis://user:{HUSH}@redis.example.com:6379/0?ssl_cert_reqs=none",
        f"async+rediss://user:{HUSH}@redis.example.com:6379/0?ssl_cert_reqs=maybe",
        f"async+rediss://user:{HUSH}@redis.example.com/0?ssl_ca_certs=/no/such/file",
        f"async+redis://user:{HUSH}@redis.example.com:6379/first",
        f"async+redis://user:{HUSH}@redis.example.com:6379/0?db=first",
        f"async+redis://user:{HUSH}@redis.example.com:6379/0?protocol=9",
        f"async+redis://user:{HUSH}@redis.example.com:6379/0?retry=3",
        f"async+redis://user:{HUSH}@redis.example.com:6379/0?connection_class=int",
        f"async+redis://user:{HUSH}@redis.example.com:6379/0?max_connections",
        f"async+redis://user:{HUSH}@redis.example.com:many/0",
        f"async+redis://user:{HUSH}/x@redis.example.com:6379/0",
        f"async+redis://user:{HUSH}#x@redis.example.com:6379/0",
        f"async+redis://user:{HUSH}@",
        f"async+redis://user:{HUSH}@[::1/0",
        f"async+redis://user:{HUSH}@redis.example.com:99999/0",
        f"async+redis+unix://user:{HUSH}@",
    ],
)
def test_address_of_shared_limits_that_would_fail_later_is_refused(address: str) -> None:
    """In one sentence, which holds no part of it."""
    said = refusal(coinslot_limit_storage=address)
    assert said.count("COINSLOT_LIMIT_STORAGE") == 1
    assert len(said.splitlines()) == 2
    assert "hush" not in said
    assert "example.com" not in said


@pytest.mark.parametrize(
    "address",
    [
        "async+redis://redis.example.com",
        "async+redis://:p%40ss%2Fword@[::1]:6379/0?protocol=3",
        "async+rediss://coinslot:hush@redis.example.com/0?ssl_cert_reqs=none",
        "async+redis+unix:///run/redis.sock?db=1",
    ],
)
def test_address_of_shared_limits_may_have_every_usual_form(address: str) -> None:
    assert load(coinslot_limit_storage=address).coinslot_limit_storage is not None


@pytest.mark.parametrize("name", [*ADDRESSES])
@pytest.mark.parametrize(
    "address",
    [
        f"https://user:{HUSH}@api.example.com",
        f"https://user:{HUSH}/x@api.example.com",
        "https://api.example.com:port",
        "https://api.example.com:99999",
        "https://[::1",
        "https://api.example.com?x=1",
        "https://api.example.com#x",
        "https://api.exa mple.com",
        "https://api.example.com/\x1b[31m",
        f"https://user:{HUSH}\uff0f@api.example.com",
    ],
)
def test_address_that_cannot_be_called_is_refused(name: str, address: str) -> None:
    """In one sentence: what is before an @ may be a password."""
    said = refusal(**{name: address})
    assert [line.split()[0] for line in said.splitlines()[1:]] == [name.upper()]
    assert "hush" not in said


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("iamport_api_key", "a"),
        ("iamport_api_secret", "ready"),
        ("toss_secret_key", "test_sk"),
        ("stripe_webhook_secret", "whsec_1234,whsec_"),
        ("supabase_service_role_key", "service"),
    ],
)
def test_secret_that_is_shorter_than_a_word_is_refused(name: str, short: str) -> None:
    """Logs blank it wherever it turns up: `IAMPORT_API_KEY=a` would turn "ready" into "re***dy"."""
    said = refusal(**{**PORTONE, name: short})
    assert f"{name.upper()} has fewer than 8 characters" in said
    assert f"{short!r}" not in said


@pytest.mark.parametrize("odd", ["sk_live_12345678\n", "sk_live 12345678", "sk_live_12345678é"])
def test_secret_that_brought_more_than_itself_is_refused(odd: str) -> None:
    said = refusal(**{**PORTONE, "iamport_api_secret": odd})
    assert "IAMPORT_API_SECRET has a line break, a space or a letter" in said
    assert odd not in said


def test_origins_are_a_list() -> None:
    origins = load(cors_origins="https://a.example.com/, http://localhost:3000").cors_origins
    assert origins == ["https://a.example.com", "http://localhost:3000"]


class TestLive:
    def test_own_project_is_taken(self) -> None:
        key = legacy_key("service_role")
        assert load(coinslot_mode="live", supabase_service_role_key=key, **PORTONE).live

    @pytest.mark.parametrize("name", ["supabase_url", "iamport_api_url"])
    @pytest.mark.parametrize(
        "url",
        [
            "http://api.example.com",
            "https://127.0.0.1",
            "https://localhost:8443",
            "https://127.9.9.9",
            "https://[::1]",
            "https://x.localhost",
            "https://0.0.0.0",
        ],
    )
    def test_address_that_is_plain_or_this_machine_is_refused(self, name: str, url: str) -> None:
        assert name.upper() in refusal(coinslot_mode="live", **{name: url})
        assert not load(**{name: url}).live

    def test_key_that_anybody_can_sign_is_refused(self) -> None:
        key = legacy_key("service_role", WELL_KNOWN_JWT_SECRET)
        said = refusal(coinslot_mode="live", supabase_service_role_key=key)
        assert "SUPABASE_SERVICE_ROLE_KEY" in said
        assert not load(supabase_service_role_key=key).live


class TestSecretKeys:
    RANDOM = base64.b64encode(bytes(range(100, 132))).decode()
    TEXT = base64.b64encode(b"only-on-the-local-coinslot-stack").decode()

    def test_each_is_a_secret_with_and_without_its_id(self) -> None:
        settings = load(coinslot_secret_keys=f"new:{self.RANDOM}, old:{self.TEXT}")
        assert settings.secret_keys.current == "new"
        assert {self.RANDOM, self.TEXT, f"new:{self.RANDOM}"} <= set(settings.secrets())

    def test_none_is_needed(self) -> None:
        assert load().secret_keys.current is None

    @pytest.mark.parametrize("wrong", ["main", "main:c2hvcnQ=", "main:"])
    def test_what_is_none_is_refused_and_not_quoted(self, wrong: str) -> None:
        said = refusal(coinslot_secret_keys=wrong)
        assert "COINSLOT_SECRET_KEYS" in said
        assert "c2hvcnQ" not in said

    def test_live_mode_refuses_one_that_is_text(self) -> None:
        key = legacy_key("service_role")
        given = {"coinslot_mode": "live", "supabase_service_role_key": key, **PORTONE}
        said = refusal(**given, coinslot_secret_keys=f"local:{self.TEXT}")
        assert "COINSLOT_SECRET_KEYS has a key 'local' that is text" in said
        assert load(**given, coinslot_secret_keys=f"main:{self.RANDOM}").live


def test_secrets_are_shown_nowhere() -> None:
    settings = load(**PORTONE)
    parts = (settings, *settings.gateways)
    shown = "".join(f"{part!r} {part} {part.model_dump()}" for part in parts)
    assert "sb_secret_b" not in shown
    assert "hush-hush" not in shown
    assert set(settings.secrets()) == {
        "sb_publishable_a",
        "sb_secret_b",
        "key-of-imp1",
        "hush-hush",
    }
    assert "hush-hush" not in refusal(iamport_api_secret="hush-hush")


def test_example_names_every_setting_and_nothing_else() -> None:
    named = re.findall(r"^#? ?([A-Z][A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)
    stack = {f"COINSLOT_{name.upper()}" for name in DevstackSettings.model_fields}
    own = {name.upper() for name in setting_names()}
    assert set(named) == own | stack
    assert len(named) == len(set(named))
