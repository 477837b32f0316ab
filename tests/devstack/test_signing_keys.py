"""A project that signs people's JWTs with ES256, as new ones at Supabase do."""

from __future__ import annotations

import json
import time

import jwt

from devstack import environment
from devstack.keys import ApiKeys
from devstack.settings import DevstackSettings

SECRET = "a-secret-of-its-own-with-at-least-32-characters"
KEYS = ApiKeys(SECRET, asymmetric=True)
HERS = {"sub": "mina", "role": "authenticated", "exp": int(time.time()) + 86_400}


def test_a_persons_jwt_holds_by_the_public_key_alone() -> None:
    token = KEYS.sign(HERS)
    (shown,) = KEYS.key_set["keys"]
    assert "d" not in shown
    assert jwt.get_unverified_header(token)["kid"] == shown["kid"]
    assert jwt.decode(token, jwt.PyJWK(shown).key, algorithms=["ES256"]) == HERS
    assert KEYS.verify(token) == HERS


def test_postgrest_takes_both_kinds_and_no_other_project_s() -> None:
    told = json.loads(KEYS.postgrest_secret)["keys"]
    assert [each["kty"] for each in told] == ["EC", "oct"]
    assert (
        jwt.decode(KEYS.anon, jwt.PyJWK(told[1], "HS256").key, algorithms=["HS256"])["role"]
        == "anon"
    )
    other = ApiKeys("another-secret-of-its-own-with-32-characters", asymmetric=True)
    assert KEYS.verify(other.sign(HERS)) is None
    assert ApiKeys(SECRET).verify(KEYS.sign(HERS)) is None


def test_the_sidecar_is_given_keys_of_the_new_form_and_postgrest_a_pool_of_ten() -> None:
    settings = DevstackSettings(_env_file=None, hosted=True)
    given = environment.sidecar(settings, KEYS, {})
    assert given["SUPABASE_ANON_KEY"].startswith("sb_publishable_")
    assert given["SUPABASE_SERVICE_ROLE_KEY"].startswith("sb_secret_")
    assert environment.postgrest(settings, KEYS)["PGRST_DB_POOL"] == "10"
