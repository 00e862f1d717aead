"""How it stands between an account and the service, where another process sees it: a file beside the ledger.

The sidebar's server reads the ledger, and the ledger knows nothing of a key that is not accepted.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ...beside import mark_of, of_account, read, write
from ...errors import BadKey, NoKey, NotReached

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from ...account import Account

_log = logging.getLogger(__name__)
_FOLDER = "access"
_ASKED_FOR = 60 * 1_000_000  # microseconds; who asks for longer was killed meanwhile


class Obstacle(StrEnum):
    """What stands between them; where nothing does, nothing is noted."""

    ASKING = "asking"
    NO_KEY = "no-key"
    BAD_KEY = "bad-key"
    NOT_REACHED = "not-reached"


@dataclass(frozen=True, slots=True)
class Noted:
    """What was noted last.

    Attributes
    ----------
    state : Obstacle
    words : str
        For the person; one line, without the key.
    at : int
        Microseconds UTC.
    """

    state: Obstacle
    words: str
    at: int


class Access:
    """Notes how it stands for one account. Never fails: it is only told, and nothing depends on it.

    Parameters
    ----------
    folder : Path
        That of the ledger.
    account : Account
    clock : callable
        The present instant, in microseconds UTC.
    """

    def __init__(self, folder: Path, account: Account, clock: Callable[[], int]) -> None:
        self._path = of_account(folder / _FOLDER, account)
        self._host, self._clock = account.host, clock

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Note that the service is asked, and what came in between; nothing when it answered."""
        self._note(Obstacle.ASKING, f"Asking {self._host} ...")
        try:
            yield
        except NoKey as error:
            self._note(Obstacle.NO_KEY, str(error))
            raise
        except BadKey as error:
            self._note(Obstacle.BAD_KEY, str(error))
            raise
        except NotReached as error:
            self._note(Obstacle.NOT_REACHED, str(error))
            raise
        except BaseException:
            self._clear()
            raise
        self._clear()

    def noted(self) -> Noted | None:
        """What was noted last, here or in another process; None where nothing stands in between."""
        match read(self._path):
            case {"state": str(state), "words": str(words), "at": int(at)} if state in list(Obstacle):
                noted = Noted(Obstacle(state), words, at)
            case _:
                return None
        is_over = noted.state is Obstacle.ASKING and self._clock() - noted.at > _ASKED_FOR
        return None if is_over else noted

    def _note(self, state: Obstacle, words: str) -> None:
        try:
            write(self._path, {"state": state, "words": words, "at": self._clock()})
        except OSError:
            _log.debug("how it stands with the service could not be noted", exc_info=True)

    def _clear(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def mark(folder: Path) -> Hashable:
    """What differs after any account's note did; `folder` is the ledger's."""
    return mark_of(folder / _FOLDER)
