"""What bounds a prompt while it is written in a notebook, and which model was asked there last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...account import Meter
from ...errors import BadInput, ConfigurationError, LedgerMissing
from ...ledger import CALL_COLUMNS
from ...prompting.footing import Footing
from ...session.asking.plugins import FOLLOW_UP
from ...session.envelopes import within
from ...session.holding.bounds import Bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...account import Account
    from ...ledger import LedgerView
    from ...settings import AskSage

_LATEST = 20  # calls that are looked through for a model
_NOTEBOOK, _MODEL, _METER = map(CALL_COLUMNS.index, ("notebook", "model", "meter"))


def footing_of(settings: AskSage, view: LedgerView, account: Account, file: str | None) -> Footing:
    """How a notebook stands, by its file as kernels know it; None of what is no notebook."""
    path = Path(file or "")
    notebook = file if is_whole(path) else None
    try:
        envelopes = within(settings, notebook, None, path.parent if notebook else None)
    except (ConfigurationError, BadInput) as error:
        return Footing(trouble=str(error))
    try:
        model = _last_model(view, account, notebook)
        left = view.left_in(account, Meter.INFERENCE, envelopes) if envelopes else []
    except LedgerMissing:
        model, left = "", [each.tokens for each in envelopes]
    bounds = (
        Bound(each.words, each.tokens, tokens, each.told_by, each.is_soft)
        for each, tokens in zip(envelopes, left, strict=True)
    )
    return Footing(tuple(bounds), settings.model or model)


def is_whole(file: Path) -> bool:
    """Whether it is a file as kernels know it: whole, and led nowhere else by a ``..``."""
    return file.is_absolute() and ".." not in file.parts


def _last_model(view: LedgerView, account: Account, notebook: str | None) -> str:
    asked = [row for row in view.recent(account, limit=_LATEST) if _is_prompt(row)]
    own = [row for row in asked if row[_NOTEBOOK] == notebook]
    return str((own or asked)[0][_MODEL]) if asked else ""


def _is_prompt(row: Sequence[object]) -> bool:
    """Whether a model was asked by its name; plugins and follow-ups are booked under others."""
    model = str(row[_MODEL])
    return row[_METER] == Meter.INFERENCE and model != FOLLOW_UP and not model.startswith("plugin:")
