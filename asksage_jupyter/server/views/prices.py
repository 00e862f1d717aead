"""What a cell costs while it is typed: from its text, the rates kept here and the settings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...errors import AskSageError, BadInput, NoKey
from ...ledger.stores.place import place_of
from ...prompting import cell_of, cell_parser, training_parser
from ...session import Session
from ...session.near import near
from ..wire.tag import refusal, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...account import Account, Balance
    from ...prompting import Parser
    from ...prompting.counted import Counted
    from ...prompting.footing import Footing
    from ...rates import Rates
    from ...settings import AskSage
    from ..wire.figures import Wire

_NO_KEY = "There is no key here to ask for its rates: run the cell once with --estimate."


class Prices:
    """Prices cells, one after another, in one thread.

    Parameters
    ----------
    settings : AskSage
    latest : callable
        The balance that was read last; None before the first.
    """

    def __init__(self, settings: AskSage, latest: Callable[[], Balance | None]) -> None:
        self._settings, self._latest = settings, latest
        self._rates: dict[str, Rates] = {}

    def line(self) -> Wire:
        """What may stand on a magic's line: the options of the parsers themselves, and the models."""
        rates = self._of(self._account)
        costs = rates.costs(rates.offered())
        return {
            "asksage": _options(cell_parser()),
            "asksage_train": _options(training_parser()),
            "models": [{"name": model, "help": cost} for model, cost in costs.items()],
            "model": self._settings.model,
        }

    def tag(self, source: str, counted: Counted, footing: Footing, *, may_ask: bool) -> Wire | None:
        """A cell's price in words; None of a cell that is none of ours.

        Parameters
        ----------
        counted : Counted
            What its kernel counted, beside the text.
        footing : Footing
            How its notebook stands, as far as that is known.
        """
        from ...prompting.price import price_of
        from ...session.asking.replay import Replay
        from ...session.keeping.file import StoreUnusable

        cell = cell_of(source)
        if cell is None:
            return None
        account, model = self._account, footing.model or self._settings.model
        try:
            price = price_of(self._session, self._of(account), cell, counted, model)
            if price.replayed and Replay(self._session).would_find(price.replayed, account):
                price = price.for_nothing()
        except (BadInput, StoreUnusable) as error:
            return refusal(str(error))
        if footing.trouble and price.expected is not None:
            return refusal(footing.trouble)
        balance = self._latest()
        spendable = None if balance is None else balance.of(price.meter).spendable
        return tag(price, spendable, footing, may_ask=may_ask, near=self._near(price.unknown))

    def ask(self, source: str, footing: Footing) -> None:
        """Ask the service for the rates that a cell's price lacks: by fixed texts, which cost nothing.

        Raises
        ------
        BadInput
            There is no key, or the service did not tell them.
        """
        from ...prompting.price import price_of

        cell = cell_of(source)
        if cell is None:
            return
        session = Session(self._settings)
        try:
            used = footing.model or self._settings.model
            for model in price_of(session, self._of(self._account), cell, model=used).unknown:
                session.pricing.rate(model)
        except NoKey:
            raise BadInput(_NO_KEY) from None
        except AskSageError as error:
            raise BadInput(str(error)) from None
        finally:
            session.close()

    def _near(self, unknown: Sequence[str]) -> str:
        """Which models are called much like the first of these, where it is none that is offered."""
        offered = {each: each for each in self._of(self._account).offered()}
        return near(unknown[0], offered) if unknown and unknown[0] not in offered else ""

    @cached_property
    def _session(self) -> Session:
        return Session(self._settings)

    @property
    def _account(self) -> Account:
        balance = self._latest()
        return self._settings.account if balance is None else balance.account

    def _of(self, account: Account) -> Rates:
        from ...rates import Rates

        if account.host not in self._rates:
            self._rates[account.host] = Rates(place_of(self._settings.ledger).folder, account.host)
        return self._rates[account.host]


def _options(parser: Parser) -> list[dict[str, Any]]:
    found = ((name, parser.values(name), meaning) for name, meaning in parser.meanings().items())
    return [
        {"name": name, "takes": values is not None, "values": list(values or ()), "help": meaning}
        for name, values, meaning in found
    ]
