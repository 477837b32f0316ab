"""Amounts in a request's body: whole numbers, or strings of one."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BeforeValidator

_DIGITS = re.compile(r"([0-9]{1,16})")
_WITH_ZEROS = re.compile(r"([0-9]{1,16})(?:\.0{1,2})?")


def whole(unit: str, *, zeros: bool = False) -> BeforeValidator:
    """Takes 13000, 13000.0 and "13000" as 13000, of that unit, and refuses everything else.

    With `zeros` also "13000.0" and "13000.00", for currencies that have no other decimals: in one
    that has, whoever writes "10.00" means ten of the major unit.
    """

    form = _WITH_ZEROS if zeros else _DIGITS

    def read(value: object) -> Any:  # noqa: ANN401 - pydantic checks it
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and (digits := form.fullmatch(value)):
            return int(digits[1])
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        message = f"a whole number of {unit}, or a string of one"
        raise ValueError(message)

    return BeforeValidator(read)
