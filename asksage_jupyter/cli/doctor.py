"""What stands in the way: one finding a subject, and never the key itself."""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AskSageError, BadInput, ConfigurationError

if TYPE_CHECKING:
    from ..service import FreeService, Secret
    from ..session.clock import Clock

_TOLD = 3  # of a damaged ledger's faults
_OF_A_FILE = (
    "Stop all notebooks, save what is whole with `asksage-jupyter doctor --export ledger.jsonl`, and move "
    "the file away: the next cell begins a new ledger with what Ask Sage's counters say."
)


def findings(export_to: Path | None = None) -> Iterator[tuple[str, str, bool]]:
    """Look at one subject after another.

    Parameters
    ----------
    export_to : Path or None
        A new file for what is whole of the ledger.

    Yields
    ------
    tuple of (str, str, bool)
        Subject, what was found in one line, and whether that is right.
    """
    way = _Way()
    checks: dict[str, Callable[[], str]] = {
        "python": _python,
        "packages": _packages,
        "service": way.service,
        "key": way.key,
        "ledger": _ledger,
        "local model": _local_model,
        "sidebar": _sidebar,
    }
    if export_to is not None:
        checks["export"] = partial(_export, export_to)
    for subject, look in checks.items():
        try:
            yield subject, look(), True
        except AskSageError as error:
            yield subject, str(error), False


def _python() -> str:
    return f"{sys.version.split()[0]} ({sys.executable})"


def _packages() -> str:
    named = ["asksage_jupyter", "ipython", "ipywidgets", "httpx", "SQLAlchemy", "tiktoken", "pandas"]
    named += ["jupyterlab", "ipykernel", "xllamacpp", "keyring"]
    found = []
    for name in named:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)


class _Way:
    """The host first, then the key: what is no Ask Sage is sent none; a silent host is waited for once."""

    def __init__(self) -> None:
        from ..session.clock import Clock

        self._is_met, self._clock = False, Clock()

    def service(self) -> str:
        """Whether an Ask Sage answers at the address; no key is sent."""
        from ..service import Secret
        from ..session.waiting import patiently

        with contextlib.closing(_at_the_address(Secret("not-sent"), self._clock)) as service:
            patiently(service.host, service.meet)
            self._is_met = True
            return "; ".join(filter(None, (f"{service.url} answers as an Ask Sage does", self._clock.words)))

    def key(self) -> str:
        """Whether there is a key, whether it is accepted, and whose it is; finding out costs nothing."""
        from ..errors import NoKey
        from ..session.holder.credentials import find_key
        from ..session.holder.whose import check_holder
        from ..session.waiting import patiently
        from ..settings import AskSage

        account = AskSage.instance().account
        try:
            key, where = find_key(account)
        except NoKey as error:
            return f"no: {error}"
        if not self._is_met:
            return f"yes, from {where}; not tried, as the service is not reached"
        with contextlib.closing(_at_the_address(key, self._clock)) as service:
            _, limits = patiently(service.host, lambda: (service.left(), service.limits()))
        check_holder(account, limits.email)
        whose = f" and is {limits.email}'s" if limits.email else "; whose it is is not told"
        may = f"; it may be used for {', '.join(limits.scopes)}" if limits.scopes else ""
        return f"yes, from {where}; Ask Sage accepts it{whose}{may}"


def _at_the_address(key: Secret, clock: Clock) -> FreeService:
    from ..service import FreeService
    from ..settings import AskSage

    settings = AskSage.instance()
    return FreeService(
        settings.url,
        key,
        email=settings.email or None,
        ca_bundle=settings.ca_bundle or None,
        timeout_s=settings.timeout_s,
        on_date=clock.heard,
    )


def _ledger() -> str:
    from ..errors import LedgerUnusable
    from ..ledger.stores.place import place_of
    from ..session import current
    from ..settings import AskSage

    where = place_of(AskSage.instance().ledger).title
    checked = current().ledger.verify()
    if not checked.problems:
        return f"{where}: {checked.entries:,} entries, chained without a fault"
    more = len(checked.problems) - _TOLD
    faults = "; ".join(checked.problems[:_TOLD]) + (f"; and {more} more" if more > 0 else "")
    ways = _OF_A_FILE if "://" not in where else "Whoever runs the database can compare it with a dump."
    raise LedgerUnusable(f"{where} is not as it was written: {faults}. {ways}")


def _export(target: Path) -> str:
    from ..ledger.reads.export import export
    from ..ledger.stores.place import place_of
    from ..settings import AskSage

    path = place_of(AskSage.instance().ledger).path
    if path is None:
        raise BadInput("the ledger is a PostgreSQL database: save it with pg_dump")
    found = export(path, target)
    left_out = f"; {found.left_out:,} left out, damaged" if found.left_out else ""
    return f"{found.whole:,} whole entries are in {target}{left_out}"


def _local_model() -> str:
    from .. import local

    found = local.chosen()
    if found is None:
        return "not fetched; `asksage-jupyter demo` does"
    if isinstance(found, str):
        return f"{found} (your own server)"
    match local.verify(found):
        case True:
            return f"{found}: as pinned"
        case False:
            raise ConfigurationError(f"{found} is damaged: delete it, then run `asksage-jupyter demo`")
    return f"{found} (your own file)"


def _sidebar() -> str:
    """An accessory: without it nothing is wrong."""
    from ..server.bundle import lack

    return lack() or "built, and installed with this package"
