"""What a setting may be: a wrong value is refused in one line, where it is set."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING

from traitlets import TraitError

from ..display.plain import shown
from ..errors import AskSageError, BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

_ENVELOPE = re.compile(r"([^=]+=)?[0-9][0-9_,]{0,20}")
_CONFIRM_ABOVE = re.compile(r"off|[0-9][0-9_,]{0,20}|[0-9]{1,2}(\.[0-9]{1,3})?%|100%")


class BadSetting(BadInput, TraitError):
    """A value that a setting cannot have; traitlets puts back the one before."""


def envelope(limit: str) -> str:
    """A limit, with or without a name; empty for none."""
    if limit and not _ENVELOPE.fullmatch(limit):
        raise BadSetting(f"AskSage.envelope is like 20000 or nightly=20000, not {shown(limit)}")
    return limit


def confirm_above(above: str) -> str:
    """Tokens, a share, "off", or empty."""
    if above and not _CONFIRM_ABOVE.fullmatch(above):
        raise BadSetting(f'AskSage.confirm_above is like "5000", "10%" or "off", not {shown(above)}')
    return above


def ca_bundle(path: str) -> str:
    """A file that is there; empty for none."""
    if path and not os.path.exists(os.path.expanduser(path)):  # noqa: PTH110, PTH111  these never raise
        raise BadSetting(f"no file {path}: AskSage.ca_bundle is a file of certificates, or empty")
    return path


def seconds(name: str, value: float) -> float:
    """A finite number; the trait's own bounds have been looked at."""
    if not math.isfinite(value):
        raise BadSetting(f"AskSage.{name} is a number of seconds, not {value}")
    return value


def by(check: Callable[..., object], *given: object) -> None:
    """Let the room that uses a value look at it, and refuse what it refuses.

    Raises
    ------
    BadSetting
    """
    try:
        check(*given)
    except AskSageError as error:
        raise BadSetting(str(error)) from None
