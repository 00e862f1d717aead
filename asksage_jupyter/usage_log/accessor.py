"""``.asksage``: ask a model the same of every row; divide a usage log, forecast, compare, export."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from .. import forecast
from ..account import Meter
from ..display.plain import shown
from ..errors import BadInput
from ..session import current, given
from . import files
from .dtypes import as_logged
from .parts import parts
from .savings import Savings, savings

if TYPE_CHECKING:
    from ..forecast import Pace
    from ..mapping import MapEstimate

_NEEDED = frozenset({"sent_at", "meter", "tokens", "input_tokens", "output_tokens"})


class NotAUsageLog(BadInput):
    """The DataFrame has not the columns of one."""


@pandas.api.extensions.register_dataframe_accessor("asksage")
class UsageLog:
    """What a DataFrame can do with Ask Sage: any one `map`, a usage log all the rest.

    A usage log is also a part of one, or one read back from a file: it needs the columns ``sent_at``,
    ``meter``, ``tokens``, ``input_tokens`` and ``output_tokens``; where one is missing, all but `map` raise
    `NotAUsageLog`. Days are those of the current account's time zone.
    """

    def __init__(self, frame: pandas.DataFrame) -> None:
        self._frame = frame

    @property
    def _calls(self) -> pandas.DataFrame:
        if missing := _NEEDED.difference(self._frame.columns):
            raise NotAUsageLog(
                f"this is no usage log, it has no column {min(missing)!r}: take what "
                f"asksage_jupyter.usage() returns, or rows of it"
            )
        return self._frame

    def map(
        self, prompt: str | Callable[[Any], Any], *, into: str = "reply", **options: Any
    ) -> pandas.DataFrame | MapEstimate:
        """Ask a model the same of every row; of any DataFrame.

        Parameters
        ----------
        prompt : str or callable
        into : str
            The column that the answers come in.
        **options
            As of `asksage_jupyter.map`.

        Returns
        -------
        pandas.DataFrame or MapEstimate
            A copy with the answers and ``<into>_status``; with ``estimate=True``, what it would cost.

        Raises
        ------
        AskSageError
            As of `asksage_jupyter.map`.
        """
        from ..mapping import Mapped
        from ..mapping import map as map_rows
        from ..mapping.planning.template import names_in

        used = names_in(prompt) if isinstance(prompt, str) else set()
        columns = {into} if isinstance(into, str) else set()
        if taken := used & columns & set(self._frame.columns):
            raise BadInput(
                f"the prompt uses the column {shown(min(taken))}, which the answers would overwrite: "
                f"give them another name by into=. Nothing was sent."
            )
        frame = self._frame.copy(deep=False)  # whatever becomes of the person's own meanwhile
        mapped = map_rows(frame, prompt, into=into, **options)
        return mapped.beside(frame) if isinstance(mapped, Mapped) else mapped

    def by(self, name: str | Sequence[str], meter: str = "inference") -> pandas.DataFrame:
        """What each model, notebook, day ... used of one meter.

        Parameters
        ----------
        name : str or sequence of str
            ``"model"``, ``"notebook"``, ``"cell"``, ``"project"``, ``"user"``, ``"source"``, ``"status"``,
            ``"job"``, ``"client"``, ``"holder"``, or a billing code as ``"tag:wbs"``: the one that used most
            comes first, and calls that do not tell theirs are under NA. ``"day"``: from the first to the
            last, those without a call included. ``"hour"``: the 24 of the day. Several, such as
            ``["model", "tag:wbs"]``, divide by each in turn.
        meter : str
            ``"inference"`` or ``"training"``: their tokens are never added up.

        Returns
        -------
        pandas.DataFrame, indexed by `name`
            ``calls``; ``input_tokens`` and ``output_tokens``, in model tokens, of the calls that tell them;
            ``tokens``, in Ask Sage tokens; ``share`` of all tokens, 0 to 1; ``mean`` tokens a call.

        Raises
        ------
        BadInput
            There is no such column or meter.
        """
        what = "what the log is divided by"
        several = not isinstance(name, str)
        names = [given.text(each, what) for each in given.listed(name, what)] if several else name
        if not names:
            raise BadInput(f"{what} is a name or several, not none")
        return parts(
            self._calls,
            names,
            Meter.named(meter),
            current().account.zone,
        )

    def by_model(self, meter: str = "inference") -> pandas.DataFrame:
        """The same as ``by("model")``."""
        return self.by("model", meter)

    def pace(self, meter: str = "inference") -> Pace:
        """How long the tokens last, if they are spent as in this log.

        What is left and the working days are the current account's, as `asksage_jupyter.pace` has them. That
        one also knows what other devices spent; this one knows nothing but the calls of the log.

        Raises
        ------
        BadInput
            There is no such meter.
        LedgerError
            The balance cannot be read.
        """
        session = current()
        account, wanted = session.account, Meter.named(meter)
        days: Any = self.by("day", meter)["tokens"]
        return forecast.pace(
            session.ledger.balance(account).of(wanted),
            {day.date(): int(tokens) for day, tokens in days.items()},
            session.clock(),
            account.zone,
            session.settings.working_days,
        )

    def savings(self, models: str | Iterable[str] | None = None) -> Savings:
        """What the same calls would have cost on other models, at today's rates.

        As if the other model had read and written as many model tokens; tokenizers and replies differ, so
        take it for an order of magnitude. Calls whose model tokens are not known are left out, and counted.

        Parameters
        ----------
        models : str or iterable of str, optional
            Exact model ids, whose rates the service is asked for where they are older than a day. When
            absent, all that the service offers, most of them at unverified catalog rates.

        Returns
        -------
        Savings
            Shows itself as a table; ``.to_frame()`` is the same as data.

        Raises
        ------
        NoKey, ServiceError
            The service cannot be asked.
        BadInput
            A model is not offered.
        """
        if models is not None:
            models = [models] if isinstance(models, str) else given.listed(models, "the models")
            models = [given.text(model, "a model") for model in models]
        return savings(as_logged(self._calls), current(), models)

    def to_parquet(self, path: str | Path) -> None:
        """Write a Parquet file that ``pandas.read_parquet`` reads back with the same dtypes.

        Each column's unit and meaning are in its metadata.

        Raises
        ------
        ConfigurationError
            PyArrow is not installed.
        BadInput
            The file cannot be written.
        """
        files.write_parquet(self._calls, given.path(path, "the file"))

    def to_csv(self, path: str | Path) -> None:
        """Write plain CSV, and beside it what its columns mean: ``usage.csv-metadata.json``.

        That is the W3C's "CSV on the Web", so that any program reads the table; with
        ``pandas.read_csv(path, parse_dates=["sent_at"])`` all figures are back.

        Raises
        ------
        BadInput
            The file cannot be written.
        """
        files.write_csv(self._calls, given.path(path, "the file"))

    def to_focus(
        self, path: str | Path, *, price: float = 0, currency: str = "USD", version: str = "1.2"
    ) -> None:
        """Write the calls as FOCUS has them, the FinOps Open Cost and Usage Specification: a charge a row.

        The CSV file is checked with FOCUS' official validators. Tokens are the pricing currency, and no call
        is invoiced by itself, so that ``BilledCost`` is 0. What FOCUS has no column for is in columns
        ``x_...``.

        Parameters
        ----------
        path : str or Path
        price : float
            What one Ask Sage token of these calls is worth, in `currency`: the costs in money but the
            billed one. They are 0 without it.
        currency : str
            Three letters of ISO 4217.
        version : str
            ``"1.2"`` or ``"1.0"``, which has no pricing currency.

        Raises
        ------
        BadInput
            The price is no number from 0 on, the currency no code, or the file cannot be written.
        """
        from .focus import VERSIONS, charges

        if (worth := given.real(price, "the price of a token")) < 0:
            raise BadInput(f"the price of a token is 0 or more, not {price}")
        if not re.fullmatch("[A-Z]{3}", given.text(currency, "the currency")):
            raise BadInput(f"the currency is a code of three letters like USD, not {shown(currency)}")
        version = given.one_of(version, VERSIONS, "version")
        table = charges(self._calls, current().account, worth, currency, version)
        files.write_focus(table, given.path(path, "the file"))

    def __repr__(self) -> str:
        names: Any = [name for name in dir(self) if not name.startswith("_")]
        if _NEEDED.difference(self._frame.columns):
            return f"a table of {len(self._frame):,} rows: .map asks a model the same of each"
        return f"a usage log of {len(self._frame):,} calls: .{', .'.join(names)}"


@pandas.api.extensions.register_series_accessor("asksage")
class Values:
    """What a Series can do with Ask Sage."""

    def __init__(self, values: pandas.Series[Any]) -> None:
        self._values = values

    def map(self, prompt: str | Callable[[Any], Any], **options: Any) -> Any:
        """Ask a model the same of every value, ``{value}`` in the prompt.

        Parameters
        ----------
        prompt, **options
            As of `asksage_jupyter.map`, which tells each value's status too.

        Returns
        -------
        pandas.Series, DataFrame or MapEstimate
            The answers, with the values' own index.

        Raises
        ------
        AskSageError
            As of `asksage_jupyter.map`.
        """
        from ..mapping import Mapped
        from ..mapping import map as map_rows

        mapped = map_rows(self._values, prompt, **options)
        return mapped.answers if isinstance(mapped, Mapped) else mapped
