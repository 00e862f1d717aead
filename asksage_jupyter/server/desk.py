"""Where the routes meet what they share: one reader, one comparison, the hints."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, TypeVar

from ..errors import AskSageError, BadInput, LedgerMissing
from .background.refresh import NO_KEY
from .background.worker import Busy, Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ..account import MeterBalance
    from ..prompting.counted import Counted
    from ..prompting.footing import Footing
    from .background.hints import Hints
    from .background.refresh import Refresh
    from .views.prices import Prices
    from .views.reader import Reader
    from .wire.figures import Wire

T = TypeVar("T")
_PATIENCE_S = 0.1  # a price does not wait longer for the ledger


class NotAnswered(Exception):
    """Why there is no answer, in one line for the person.

    Attributes
    ----------
    status : int
        Of HTTP.
    """

    def __init__(self, status: int, line: str) -> None:
        self.status = status
        super().__init__(line)


class Desk:
    """What the routes share; nothing is opened before the first of them is asked.

    Parameters
    ----------
    reader : Reader
        Asked in one thread of its own, away from the event loop.
    refresh : Refresh
    hints : Hints
    prices : Prices
        Asked in another thread: a price hardly waits for the ledger.
    """

    SETTING: ClassVar[str] = "asksage_desk"

    def __init__(self, reader: Reader, refresh: Refresh, hints: Hints, prices: Prices) -> None:
        self.reader = reader
        self._refresh, self._hints, self._prices = refresh, hints, prices
        self._worker, self._pricing = Worker("asksage-ledger"), Worker("asksage-prices")
        self._footings: dict[str | None, Footing] = {}
        self._readings: dict[str | None, asyncio.Future[None]] = {}

    async def read(self, task: Callable[[], T]) -> T:
        """The reader's answer, in its turn.

        Raises
        ------
        NotAnswered
        """
        return await _done(self._worker, task)

    async def line(self) -> Wire:
        """What may stand on a magic's line.

        Raises
        ------
        NotAnswered
        """
        return await _done(self._pricing, self._prices.line)

    async def tag(self, source: str, counted: Counted, kernel: Footing, file: str | None) -> Wire | None:
        """A cell's price in words; None of a cell that is none of ours.

        Parameters
        ----------
        counted : Counted
            What its kernel counted.
        kernel : Footing
            How its kernel told that it stands.
        file : str or None
            Its notebook, as kernels know it.

        Raises
        ------
        NotAnswered
        """
        refresh, footing = self._refresh, await self._footing(kernel, file)
        return await _done(
            self._pricing, lambda: self._prices.tag(source, counted, footing, may_ask=refresh.is_keyed)
        )

    async def asked(self, source: str, counted: Counted, kernel: Footing, file: str | None) -> Wire | None:
        """The same, after the service was asked for the rates that are not known here.

        Raises
        ------
        NotAnswered
        """
        footing = await self._footing(kernel, file)
        await _done(self._refresh.worker, lambda: self._prices.ask(source, footing))
        return await self.tag(source, counted, kernel, file)

    async def _footing(self, kernel: Footing, file: str | None) -> Footing:
        """How a notebook stands; as it was known last where the ledger keeps others waiting."""
        reading = self._readings.get(file)
        if reading is None:
            reading = self._readings[file] = asyncio.ensure_future(self._stand(file))
        await asyncio.wait({reading}, timeout=_PATIENCE_S)
        known = self._footings.get(file)
        return kernel if known is None else kernel.over(known)

    async def _stand(self, file: str | None) -> None:
        try:
            self._footings[file] = await self.read(lambda: self.reader.footing(file))
        except NotAnswered:
            self._footings.pop(file, None)
        finally:
            del self._readings[file]

    def meters(self) -> Future[tuple[MeterBalance, ...]]:
        """Both meters, as soon as they are read.

        Raises
        ------
        Busy
        """
        return self._worker.begin(self.reader.meters)

    async def balance(self) -> Wire:
        """The balance; from the first time on, the event bus is told of changes."""
        loop, refresh = asyncio.get_running_loop(), self._refresh

        def read() -> Wire:
            self._hints.start(loop)
            return self.reader.balance(refresh.can_check, refresh.checked_at)

        return await self.read(read)

    async def compared(self) -> Wire:
        """The balance after a comparison with the service, where there is a key, and what that found."""
        balance = await self.balance()
        if not balance["can_check"]:
            return {**balance, "note": NO_KEY}
        note = await self._refresh.compare()
        return {**await self.balance(), "note": note}

    async def close(self) -> None:
        """Stop all threads."""
        await self._hints.close()
        await self._refresh.close()
        await self._pricing.close(lambda: None)
        await self._worker.close(self.reader.close)


async def _done(worker: Worker, task: Callable[[], T]) -> T:
    try:
        return await worker.do(task)
    except BadInput as error:
        raise NotAnswered(400, str(error)) from None
    except LedgerMissing as error:
        raise NotAnswered(404, str(error)) from None
    except AskSageError as error:
        raise NotAnswered(503, str(error)) from None
    except Busy:
        raise NotAnswered(503, "the server is busy: try again") from None
