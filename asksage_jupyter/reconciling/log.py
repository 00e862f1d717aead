"""The service's log, as far back as it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadKey, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..account import Meter
    from ..service import FreeService, LogRow

_PAGE = 100
_MOST_PAGES = 200
_FOR_EVER = 2**63 - 1


class Log:
    """Rows of the log, newest first, read page by page; every row once, whatever the service repeats.

    Their order is that in which they were written, so that an old row may stand among newer ones: the log is
    read until all of a page is older.

    Parameters
    ----------
    service : FreeService

    Attributes
    ----------
    is_told : bool
        Whether the tenant has a log at all; True until it was asked.
    """

    def __init__(self, service: FreeService) -> None:
        self.is_told = True
        self._service = service
        self._rows: dict[int, LogRow] = {}
        self._is_whole = False
        self._reached = _FOR_EVER
        self._pages = 0

    def since(self, t: int) -> list[LogRow]:
        """The rows from the instant `t` (microseconds UTC) on, as far as the tenant tells them."""
        while self.is_told and not self.reaches(t) and self._pages < _MOST_PAGES:
            self._read_page()
        return [row for row in self._rows.values() if row.sent_at >= t]

    def reaches(self, t: int) -> bool:
        """Whether all rows from `t` on were read."""
        return self._is_whole or self._reached < t

    def total(self, meter: Meter, since: int, until: int = _FOR_EVER) -> int | None:
        """What the rows of a meter within the bounds sum to; None where the log does not tell all of them."""
        rows = self.since(since)
        if not self.is_told or not self.reaches(since):
            return None
        return total(rows, meter, since, until)

    def _read_page(self) -> None:
        before = min(self._rows, default=None)
        try:
            page = self._service.log(limit=_PAGE, before_id=before)
        except (BadKey, Unavailable):
            raise
        except Refused:
            self.is_told = False
            return
        self._pages += 1
        new = {row.id: row for row in page if row.id not in self._rows}
        self._is_whole = not new
        self._reached = max((row.sent_at for row in new.values()), default=self._reached)
        self._rows |= new


def total(rows: Iterable[LogRow], meter: Meter, since: int, until: int = _FOR_EVER) -> int:
    """What those of the rows sum to that are of a meter and within the bounds."""
    is_training = meter == "training"
    return sum(row.tokens for row in rows if row.teach == is_training and since <= row.sent_at < until)
