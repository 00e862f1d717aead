"""A new dataset, which is empty, whatever one of its name held before."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .uploaded import Uploads

if TYPE_CHECKING:
    from ..session import Session


def add_dataset(session: Session, name: str, *, cui: bool = False) -> bool:
    """Make a dataset; returns whether it is for CUI, which a name with "cui" in it forces.

    Raises
    ------
    BadInput
        The name is too short or too long; nothing was sent.
    Refused
    """
    is_cui = session.service.add_dataset(name, cui=cui)
    with suppress(OSError):
        Uploads(session.ledger.folder, session.account).forget(name.strip())
    return is_cui
