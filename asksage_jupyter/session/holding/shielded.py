"""Work that a Ctrl-C stops only where it may.

Ctrl-C strikes the main thread between any two of its steps, also between a debit and the reply that it paid
for, or between a hold and the note that there is one. So what is booked is booked within a shield, and only
what is sent, and waited for, is exposed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from ...interrupts import Shield, handled, is_stop

T = TypeVar("T")


class Stoppable(Protocol):
    """Does something that a Ctrl-C may stop."""

    def __call__(self, do: Callable[[], T], /) -> T:
        """What `do` returns or raises; KeyboardInterrupt when a Ctrl-C came before it was through."""
        ...


def unshielded(do: Callable[[], T], /) -> T:
    """A `Stoppable` of work that is not shielded."""
    return do()


class Shielded(Generic[T]):
    """One piece of work.

    Parameters
    ----------
    work : callable
        Is given a `Stoppable`. A Ctrl-C stops what it does with that, and nothing else of it.

    Attributes
    ----------
    is_begun : bool
        Whether any of it was done: until then a Ctrl-C prevents all of it.
    is_stopped : bool
        Whether a Ctrl-C came, be it too late to stop anything.
    """

    def __init__(self, work: Callable[[Stoppable], T]) -> None:
        self.is_begun = self.is_stopped = False
        self._work = work
        self._shield = Shield()

    def run(self) -> T:
        """Do it; what it returns is returned, and what it raises is raised."""
        value: Any = None
        failure: BaseException | None = None
        try:
            with self._shield:
                self.is_begun = True
                try:
                    value = self._work(self._stoppably)
                except BaseException as error:  # noqa: BLE001  raised again where nothing strikes it
                    failure = error
        except KeyboardInterrupt:
            if not self.is_begun:
                raise
            self.is_stopped = True  # too late: it is done
        try:
            if failure is not None:
                raise failure
            return value  # type: ignore[no-any-return]
        finally:
            del failure  # whose frames would hold it, and it them

    def _stoppably(self, do: Callable[[], Any]) -> Any:
        before = handled()
        try:
            return self._shield.exposed(do)
        except BaseException as error:
            if not is_stop(error, before):
                raise
        self.is_stopped = True
        raise KeyboardInterrupt  # without the frames it struck, which hold the prompt
