"""Settings of the local stack, from the environment and `.env` (the environment wins)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from simulators.registry import GatewayChoices

ROOT = Path(__file__).resolve().parents[2]


class DevstackError(Exception):
    """A mistake that the person at the keyboard can mend; `str()` says what to do."""


class DevstackSettings(GatewayChoices, BaseSettings):
    """The settings. `COINSLOT_` and a name in capitals sets one, as `COINSLOT_API_PORT`."""

    model_config = SettingsConfigDict(
        env_prefix="COINSLOT_", env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore"
    )

    api_port: int = Field(default=54421, ge=1, le=65535)
    db_port: int = Field(default=54422, ge=1, le=65535)
    postgrest_port: int = Field(default=54423, ge=1, le=65535)
    auth_port: int = Field(default=54424, ge=1, le=65535)
    simulators_port: int = Field(default=54425, ge=1, le=65535)
    sidecar_port: int = Field(default=54430, ge=1, le=65535)
    metrics_port: int = Field(default=54431, ge=1, le=65535)

    default_grants: Literal["strict", "permissive"] = "strict"
    hosted: bool = False
    """Like a new project at Supabase: keys of the new form, JWTs by ES256, a pool of 10."""
    postgres_bin: Path | None = None
    """Folder of another Postgres, e.g. /usr/lib/postgresql/15/bin; the embedded one if unset."""
    fsync: bool = True
    """Off for tests only: a crash then loses committed money."""
    devstack_dir: Path = ROOT / ".devstack"
    project_dir: Path = ROOT
    """The folder in which `supabase/` with the migrations is."""

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def auth_url(self) -> str:
        """An address behind the API gateway, which clients do not need."""
        return f"http://127.0.0.1:{self.auth_port}"

    @property
    def sidecar_url(self) -> str:
        return f"http://127.0.0.1:{self.sidecar_port}"

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    @property
    def simulators_url(self) -> str:
        return f"http://127.0.0.1:{self.simulators_port}"

    @property
    def store_url(self) -> str:
        return f"{self.sidecar_url}/store"

    @property
    def postgrest_url(self) -> str:
        return f"http://127.0.0.1:{self.postgrest_port}"

    def database_url(self, role: str = "postgres", database: str = "postgres") -> str:
        """The address for a role. The password is `postgres`: only this machine gets there."""
        return f"postgresql://{role}:postgres@127.0.0.1:{self.db_port}/{database}"
