"""The person's settings: traits with help, whose defaults come from the environment. Never the key."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from traitlets import (
    Bool,
    Dict,
    Enum,
    Float,
    Int,
    List,
    Unicode,
    Union,
    default,
    observe,
    validate,
)
from traitlets.config import SingletonConfigurable

from ..account import THRESHOLDS, Account, tags
from ..display.plain import storable
from ..lazy import imported
from ..ledger.stores.address import Address, data_folder, resolved
from ..month import rules_of
from . import allowed
from .environment import FollowsEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from traitlets import Bunch

    from ..forecast import WorkingDays

NO_EMAIL = "(no e-mail)"
FORMATS = ("markdown", "code", "json", "html", "text")


class AskSage(FollowsEnvironment, SingletonConfigurable):
    """Settings of asksage_jupyter; change them with ``%config AskSage.model = "..."``.

    The key is not among them: it comes from ASKSAGE_API_KEY, the keyring or ``%asksage login``.
    """

    url = Unicode(help="Address of the Ask Sage service (ASKSAGE_URL).").tag(
        config=True, environment="ASKSAGE_URL"
    )
    email = Unicode(help="Your e-mail at Ask Sage: whose tokens are counted (ASKSAGE_EMAIL).").tag(
        config=True, environment="ASKSAGE_EMAIL"
    )
    ca_bundle = Unicode(
        help="File of the certificates to trust, if your host has its own (ASKSAGE_CA_BUNDLE)."
    ).tag(config=True, environment="ASKSAGE_CA_BUNDLE")
    model = Unicode(help="Model that answers when a cell names none (ASKSAGE_MODEL).").tag(
        config=True, environment="ASKSAGE_MODEL"
    )
    token_command = Union(
        [Unicode(), List(Unicode())],
        default_value="",
        help="Program, with its arguments, that prints a token for Ask Sage; no shell reads it, and what it "
        "prints is kept for five minutes (ASKSAGE_TOKEN_COMMAND).",
    ).tag(config=True, environment="ASKSAGE_TOKEN_COMMAND")
    ledger = Unicode(help="Path or SQLAlchemy URL of the ledger (ASKSAGE_LEDGER).").tag(
        config=True, environment="ASKSAGE_LEDGER"
    )
    ledger_timeout_s = Float(
        10.0, min=1.0, help="Seconds that a ledger on a server may take to answer before a cell is refused."
    ).tag(config=True)
    project = Unicode(help="Project that calls are booked under in the usage log (ASKSAGE_PROJECT).").tag(
        config=True, environment="ASKSAGE_PROJECT"
    )
    envelope = Unicode(
        help="Ask Sage tokens that each kernel may spend in its life, like 20000; with a name, like "
        "nightly-7=20000, that all may together which are given it (ASKSAGE_ENVELOPE)."
    ).tag(config=True, environment="ASKSAGE_ENVELOPE")
    confirm_above = Unicode(
        help='Estimate above which you are asked before anything is sent: tokens, like "5000", or a share of '
        'what is left, like "10%"; where nobody can answer, it is refused. Empty asks for maps without a '
        'budget above 10%, and for no cell; "off" never asks.'
    ).tag(config=True)
    tags: Dict[str, str] = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help='Billing codes that calls are booked under, like {"wbs": "1234.5"}, in addition to those of '
        "[tool.asksage.tags] in pyproject.toml.",
    ).tag(config=True)
    zone = Unicode(
        "UTC",
        help="Time zone in which your month begins, such as America/New_York; of an account that was used "
        "before it stays the one of then.",
    ).tag(config=True)
    system = Unicode(
        "Be accurate and brief. Answer in Markdown.",
        help="System prompt of a cell that names none; empty sends the service's default persona, "
        "at about 780 model tokens a call.",
    ).tag(config=True)
    format = Enum(
        FORMATS, default_value="markdown", help="How a reply is shown when a cell does not say."
    ).tag(config=True)
    timeout_s = Float(300.0, min=1.0, help="Seconds without a byte after which a reply counts as lost.").tag(
        config=True
    )
    replay = Bool(
        False,
        help="Whether a cell that is run again shows its kept reply for 0 tokens instead of asking anew.",
    ).tag(config=True)
    keep_replies_days = Int(
        30,
        min=0,
        help="Days that replies of maps, and of cells with --replay, are kept on this machine; 0 keeps "
        "hashes and bills alone, so that nothing is paid twice by itself.",
    ).tag(config=True)
    presume_after_s = Int(
        3600, min=60, help="Seconds after which a call without a known bill counts as spent at its estimate."
    ).tag(config=True)

    reconcile_every_s = Float(
        300.0,
        min=0.0,
        help="Seconds between two comparisons with the service's counters, made in the background after use; "
        "0 for never.",
    ).tag(config=True)

    prometheus = Bool(
        False,
        help="Whether Jupyter Server tells Prometheus at /metrics what is left; in its own configuration.",
    ).tag(config=True)

    low_below = Float(
        30.0,
        min=0.0,
        max=100.0,
        help="Percent of what was granted, below which what is left is called low; for the sidebar, in "
        "Jupyter Server's configuration.",
    ).tag(config=True)
    very_low_below = Float(
        10.0,
        min=0.0,
        max=100.0,
        help="Percent below which what is left is called very low; the sidebar warns of it once a month.",
    ).tag(config=True)

    weekend: List[str] = List(
        Unicode(), ["Saturday", "Sunday"], help="Days of the week that are no working days, for the pace."
    ).tag(config=True)
    holidays: List[str] = List(
        Unicode(),
        help="Other days that are no working days, like 2026-11-26 (ASKSAGE_HOLIDAYS, joined by commas).",
    ).tag(config=True, environment="ASKSAGE_HOLIDAYS")

    @classmethod
    def instance(cls, *args: Any, **kwargs: Any) -> Self:
        """The settings of this process; in a kernel its own configuration counts, whoever asks first."""
        if not cls.initialized() and (shell := _shell()) is not None:
            kwargs.setdefault("parent", shell)
        return super().instance(*args, **kwargs)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tell_thresholds()

    @default("url")
    def _url(self) -> str:
        return os.environ.get("ASKSAGE_URL") or "https://api.asksage.ai"

    @default("email")
    def _email(self) -> str:
        return os.environ.get("ASKSAGE_EMAIL", "")

    @default("ca_bundle")
    def _ca_bundle(self) -> str:
        return os.environ.get("ASKSAGE_CA_BUNDLE", "")

    @default("token_command")
    def _token_command(self) -> str:
        return os.environ.get("ASKSAGE_TOKEN_COMMAND", "").strip()

    @default("model")
    def _model(self) -> str:
        return os.environ.get("ASKSAGE_MODEL", "")

    @default("ledger")
    def _ledger(self) -> str:
        told = os.environ.get("ASKSAGE_LEDGER")
        if not told:
            return Address(data_folder() / "ledger.db")
        # Child processes, wherever they are started, mean the same file.
        os.environ["ASKSAGE_LEDGER"] = resolved(told)
        return Address(resolved(told))

    @default("project")
    def _project(self) -> str:
        return os.environ.get("ASKSAGE_PROJECT", "")

    @default("envelope")
    def _envelope(self) -> str:
        return os.environ.get("ASKSAGE_ENVELOPE", "")

    @default("holidays")
    def _holidays(self) -> list[str]:
        return os.environ.get("ASKSAGE_HOLIDAYS", "").replace(",", " ").split()

    @observe("low_below", "very_low_below")
    def _tell_thresholds(self, _: Bunch | None = None) -> None:
        THRESHOLDS.low, THRESHOLDS.very_low = self.low_below / 100, self.very_low_below / 100

    @validate("ledger")
    def _one_place(self, proposal: Bunch) -> str:
        return Address(resolved(proposal.value))

    @validate("weekend", "holidays")
    def _checked_days(self, proposal: Bunch) -> list[str]:
        given: list[str] = proposal.value
        allowed.by(_working_days, *((given, ()) if proposal.trait.name == "weekend" else ((), given)))
        return given

    @validate("envelope")
    def _checked_envelope(self, proposal: Bunch) -> str:
        return allowed.envelope(proposal.value)

    @validate("confirm_above")
    def _checked_confirm_above(self, proposal: Bunch) -> str:
        return allowed.confirm_above(proposal.value)

    @validate("ca_bundle")
    def _checked_ca_bundle(self, proposal: Bunch) -> str:
        return allowed.ca_bundle(proposal.value)

    @validate("timeout_s", "ledger_timeout_s", "reconcile_every_s")
    def _checked_seconds(self, proposal: Bunch) -> float:
        return allowed.seconds(proposal.trait.name, proposal.value)

    @validate("tags")
    def _checked_tags(self, proposal: Bunch) -> dict[str, str]:
        given: dict[str, str] = proposal.value
        allowed.by(tags.checked, given, "AskSage.tags")
        return given

    @validate("zone")
    def _checked_zone(self, proposal: Bunch) -> str:
        zone: str = proposal.value
        allowed.by(rules_of, zone)
        self.set_here.add("zone")  # also where it is the default's
        return zone

    @validate("url")
    def _checked_url(self, proposal: Bunch) -> str:
        from ..service.way.address import base_url

        url: str = proposal.value
        allowed.by(base_url, url)
        return url

    @property
    def told_zone(self) -> str | None:
        """The zone that a configuration or the person gave; None where nobody did."""
        return self.zone if "zone" in self.set_here else None

    @property
    def working_days(self) -> WorkingDays:
        """The calendar by which the pace is told.

        Raises
        ------
        BadInput
            ASKSAGE_HOLIDAYS holds what is no date.
        """
        return _working_days(self.weekend, self.holidays)

    @property
    def account(self) -> Account:
        """Whose tokens are counted: the person at the host, whatever key they use there."""
        from ..service.way.address import base_url, is_loopback

        host = urlsplit(base_url(self.url)).hostname or ""
        # Without an e-mail the service cannot be asked who holds the key; the login name at least keeps
        # the accounts of people who share a ledger apart.
        holder = storable(self.email).strip().lower() or f"{_login_name()} {NO_EMAIL}"
        # A loopback port changes from start to start (the demo's, a tunnel's); the account stays the same.
        return Account("localhost" if is_loopback(host) else host, holder, self.zone)


def _login_name() -> str:
    """The name of who runs this; a number where the system knows no name for it, as in some containers."""
    try:
        return storable(getpass.getuser())
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "user"


def _shell() -> Any:
    """The IPython of this process, if it is one."""
    ipython = imported("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _working_days(weekend: Iterable[str], holidays: Iterable[str]) -> WorkingDays:
    from ..forecast import WorkingDays

    return WorkingDays.of(weekend, holidays)
