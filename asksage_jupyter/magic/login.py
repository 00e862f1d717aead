"""``%asksage login``: the key, asked for without echo."""

from __future__ import annotations

from ..errors import BadInput
from ..session import current
from . import show


def login(rest: str) -> None:
    """Ask for the key, try it with the service and keep it; then tell whose it is and what is left.

    Raises
    ------
    BadInput
        The key was typed behind the magic.
    AskSageError
        As of `log_in`.
    """
    from ..session.login import log_in

    if rest:
        raise BadInput(
            "a key is never an argument: it now stands in this cell and in IPython's history. Delete the "
            "cell, have the key replaced if others can see either, and run %asksage login alone."
        )
    show.tell(log_in())
    show.present(current().balance())
