"""One account as a kernel deals with it: what it has, what it is asked, and what that costs."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .. import month
from ..account import Balance, Meter
from ..errors import AskSageError, BadInput, NoKey
from .clock import Clock
from .exchanges import Exchanges
from .holder.access import Access
from .holder.contact import make_contact
from .holder.credentials import BY_COMMAND, another_key, find_key, keep_key
from .holder.whose import check_holder
from .holding.settling import Settling
from .pricing import Pricing
from .waiting import LIMIT_S, patiently

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..account import Account
    from ..ledger import Ledger
    from ..service import FreeService, ModelInfo, Secret, Service
    from ..settings import AskSage

T = TypeVar("T")


class Companion(Protocol):
    """What goes along with a session."""

    def after_call(self) -> None:
        """Hear that something was sent; returns at once."""
        ...

    def close(self) -> None:
        """Hear that the session ends."""
        ...


class Session:
    """One person's dealings with one account, from one kernel.

    Parameters
    ----------
    settings : AskSage
        After a change of what it connects to, `current` makes a new session.
    clock : callable, optional
        The present instant in microseconds UTC; this machine's, held back by the service's, when absent.

    Attributes
    ----------
    account : Account
    ledger : Ledger
        Opened at first use.
    service : Service
        Made at first use, which raises `NoKey` where there is no key.
    pricing : Pricing
    settling : Settling
    exchanges : Exchanges
        What was asked and answered in this kernel.
    replies : dict of str to `asking.reply.Reply`
        The last ones of this session by their ops, without their texts, to be explained.
    samples : dict of str to `mapping.results.elsewhere.MapSample`
        What the maps of this session told of their rows, by the jobs' names; the last one last.
    companions : list of Companion
        Closed with the session.
    """

    def __init__(self, settings: AskSage, *, clock: Callable[[], int] | None = None) -> None:
        self.settings = settings
        self.companions: list[Companion] = []
        self._guarded, self._has_told_clock = Clock(), False
        self._clock = clock or self._guarded
        self._contacted: set[tuple[str, bool]] = set()
        self._knows_holder = False
        self.exchanges = Exchanges()
        self.replies: dict[str, Any] = {}
        self.samples: dict[str, Any] = {}
        self._models: list[ModelInfo] | None = None
        self.settling = Settling(
            settings.account, settings, lambda: self.ledger, self.clock, self._after_call
        )

    @cached_property
    def account(self) -> Account:
        """Whose tokens are counted, in the zone that the ledger keeps for them since first contact.

        Raises
        ------
        BadInput
            The zone that is set is another: two zones would give one month two allotments.
        LedgerError
            The ledger cannot be read.
        """
        wanted, told = self.settings.account, self.settings.told_zone
        kept = self.ledger.zone_of(wanted) or wanted.zone
        if told is not None and told != kept:
            raise BadInput(
                f"the months of {wanted.holder} begin in {kept} since the first contact, not in {told}: two "
                f"zones would give one month two allotments. Write  %config AskSage.zone = {kept!r}"
            )
        return replace(wanted, zone=kept)

    @cached_property
    def ledger(self) -> Ledger:
        from ..ledger import Ledger

        settings = self.settings
        return Ledger(settings.ledger, clock=self.clock, timeout_s=settings.ledger_timeout_s)

    @cached_property
    def service(self) -> Service:
        account = self.settings.account
        key, where = find_key(account)
        # What a command printed is good for five minutes: then it is run again.
        now = (lambda: find_key(account)[0]) if where == BY_COMMAND else None
        return self._service_with(key, partial(another_key, account), now)

    @cached_property
    def _access(self) -> Access:
        return Access(self.ledger.folder, self.account, self.clock)

    @cached_property
    def pricing(self) -> Pricing:
        from ..rates import Rates

        rates = Rates(self.ledger.folder, self.account.host, clock=self.clock)
        return Pricing(lambda: self.service, self.models, rates, lambda ask: self.asking(lambda _: ask()))

    def _service_with(
        self,
        key: Secret,
        another: Callable[[Secret], Secret | None] = lambda refused: None,
        now: Callable[[], Secret] | None = None,
    ) -> Service:
        from ..service import Service

        settings = self.settings
        return Service(
            settings.url,
            key,
            email=settings.email or None,
            ca_bundle=settings.ca_bundle or None,
            timeout_s=settings.timeout_s,
            on_date=self._guarded.heard,
            another_key=another,
            key_now=now,
        )

    def close(self) -> None:
        """Close what was opened; the session can be used no more."""
        while self.companions:
            self.companions.pop().close()
        if pricing := self.__dict__.get("pricing"):
            pricing.rates.flush()
        for name in ("service", "ledger"):
            if opened := self.__dict__.pop(name, None):
                opened.close()

    def clock(self) -> int:
        """The present instant, in microseconds UTC."""
        return self._clock()

    def clock_words(self) -> str:
        """What is said of this machine's clock where it is not believed: once; else empty."""
        words = self._guarded.words
        if not words or self._has_told_clock:
            return ""
        self._has_told_clock = True
        return f"{words}, which counts"

    def _after_call(self) -> None:
        for companion in self.companions:
            companion.after_call()

    # -- the account ---------------------------------------------------------------------------------

    def balance(self) -> Balance:
        """What is left; the first time, the service is asked what the account has.

        Raises
        ------
        NoKey
            First contact, and there is no key to ask with.
        """
        self.settling.debits.catch_up()
        self.make_contact()
        return self._balance()

    def set_plan(self, inference: int | None = None, training: int | None = None) -> Balance:
        """Tell the monthly allotments that the service does not; for this month and those after it."""
        from ..ledger.moves.grants import checked

        told = {Meter.INFERENCE: inference, Meter.TRAINING: training}
        plans = {meter: checked(n, f"a plan of {meter}") for meter, n in told.items() if n is not None}
        for meter, monthly in plans.items():
            self.ledger.set_plan(self.account, meter, monthly, source="set_plan")
        return self.ledger.balance(self.account)

    def login(self, key: Secret) -> str:
        """Try the key with the service and keep it; returns whose it is, and where it is kept, in words.

        Without an e-mail in the settings, the one that the service tells is put there: tokens are counted
        for a person, whatever key they use.

        Raises
        ------
        BadKey, ConfigurationError
            The service does not accept it, or it is another person's; nothing is kept.
        """
        service = self._service_with(key)
        try:
            self._models, limits = patiently(service.host, lambda: (service.models(), service.limits()))
        finally:
            service.close()
        if self.settings.email:
            check_holder(self.account, limits.email)
        elif limits.email:
            self.settings.email = limits.email
        where = keep_key(self.settings.account, key)
        if replaced := self.__dict__.pop("service", None):
            replaced.close()
        whose = f", which is {limits.email}'s" if limits.email else ""
        return f"Ask Sage accepts the key{whose}. It is kept in {where}."

    def models(self) -> list[ModelInfo]:
        """The models this account may use, read from the service once a session."""
        if self._models is None:
            self._models = self.asking(lambda service: service.models())
            self.pricing.rates.offer([model.id for model in self._models])
        return self._models

    def asking(self, task: Callable[[FreeService], T]) -> T:
        """Ask the service what costs nothing, told while it lasts; all of `task` within one limit.

        Raises
        ------
        NotReached
            No Ask Sage answered, or not in time.
        """
        with self._access.asking():
            service = self.service
            return patiently(service.host, lambda: task(service))

    def prepared(self, price: Callable[[], T]) -> T:
        """Price something, and know the account that is to pay for it, within one limit."""
        from ..service.way.deadline import within_s

        with within_s(LIMIT_S):
            priced = price()
            self.make_contact(to_spend=True)
            self._check_holder()
        return priced

    def _check_holder(self) -> None:
        """Once a session: a month that the ledger knows may have been opened with another key."""
        if not self._knows_holder and self.settings.email and not self.account.is_demo:
            check_holder(self.account, self.asking(lambda service: service.limits()).email)
        self._knows_holder = True

    def model_ids(self) -> list[str]:
        """The ids known without asking anybody, for completion while typing."""
        return [model.id for model in self._models or ()]

    def make_contact(self, *, needs_key: bool = True, to_spend: bool = False) -> None:
        """Learn from the service what the account has this month, where the ledger does not know it.

        Parameters
        ----------
        needs_key : bool
            Whether it is an error that there is no key to ask with.
        to_spend : bool
            Whether the month begins with what comes next. By a clock that nobody confirmed it does not: it
            might be the next one's, and a month once begun stays.
        """
        if (month.period_at(self.clock(), self.account.zone), to_spend) in self._contacted:
            return
        is_known = self.ledger.has_begun if to_spend else self.ledger.knows_month
        if not all(is_known(self.account, meter) for meter in Meter):
            try:
                left = self.asking(lambda service: make_contact(self.account, self.ledger, service))
                self.settling.ceiling.heard(left, self.ledger.balance(self.account).inference)
                self._knows_holder = True
            except AskSageError as error:
                if isinstance(error, NoKey) and not needs_key:
                    return
                # A ledger that already knows this month's inference tokens serves without the network.
                if not is_known(self.account, Meter.INFERENCE):
                    raise
        self._contacted |= {(month.period_at(self.clock(), self.account.zone), to_spend)}

    def balance_now(self) -> Balance | None:
        """The balance for a receipt; None on a failing ledger, for what was paid for must arrive."""
        try:
            return self._balance()
        except (Exception, KeyboardInterrupt):  # noqa: BLE001  whatever it is
            return None

    def _balance(self) -> Balance:
        balance = replace(self.ledger.balance(self.account), unbooked=self.settling.debits.unbooked)
        return self.within_envelopes(self.settling.ceiling.under(balance), self.ledger)

    def within_envelopes(self, balance: Balance, ledger: Ledger) -> Balance:
        """The balance with the envelope on it that binds, where one does.

        Raises
        ------
        ConfigurationError, BadInput
            A limit that cannot be read.
        LedgerError
        """
        least, inference = self.settling.bounds.least(ledger), balance.inference
        if least is None or (inference.bound is not None and inference.bound <= least.left):
            return balance
        return replace(balance, inference=replace(inference, bound=least.left, bounded_by=least.words))

    def history(self, last: int) -> tuple[tuple[str, str], ...]:
        """The `last` exchanges of this kernel, oldest first, as (question, answer)."""
        return self.exchanges.last(last)
