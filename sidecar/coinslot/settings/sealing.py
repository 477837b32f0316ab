"""The keys with which secrets are sealed that this program keeps in the database."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from coinslot.sealed import HOW_TO_MAKE, SecretKeys, parse_keys
from coinslot.settings.fields import ListedSecrets


class SealingSettings(BaseSettings):
    # id:base64 of 32 random bytes, separated by commas. The first seals, each opens.
    coinslot_secret_keys: ListedSecrets = Field(default=[])

    @property
    def secret_keys(self) -> SecretKeys:
        return parse_keys(each.get_secret_value() for each in self.coinslot_secret_keys)

    @field_validator("coinslot_secret_keys")
    @classmethod
    def _are_keys(cls, value: ListedSecrets) -> ListedSecrets:
        parse_keys(each.get_secret_value() for each in value)
        return value

    def bare_keys(self) -> list[str]:
        """The keys without their ids, as somebody may have copied them into a text."""
        return [each.get_secret_value().partition(":")[2] for each in self.coinslot_secret_keys]

    def sealing_problems(self, *, live: bool) -> list[str]:
        """A sentence for each key that is readable text, as the local stack's is."""
        return [
            f"COINSLOT_SECRET_KEYS has a key '{key_id}' that is text and not random: {HOW_TO_MAKE}"
            for key_id, key in self.secret_keys.keys.items()
            if live and key.isascii() and key.decode().isprintable()
        ]
