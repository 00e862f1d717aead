"""What Ask Sage is asked that costs nothing: prices, counters, the prompt log and lists."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import httpx

from ..account import Meter
from ..errors import BadInput
from .records import Limits, LogRow, OrganizationUser, TokenRequest, UploadJob
from .replies.catalog import ModelInfo, Persona, Plugin
from .routes import admin, counters, jobs, lists, log, personal, tokenizer
from .secret import Secret
from .way.address import base_url
from .way.auth import Credentials
from .way.connection import Connection
from .way.transport import connect


class FreeService:
    """Ask Sage at one address, for one key, as far as it costs nothing. Threads may share it.

    Parameters
    ----------
    url : str
        The address, such as ``https://api.asksage.ai``; https, but for this machine.
    key : Secret
    email : str, optional
        Exchanges the key for a short-lived token; needed for the account's limits.
    ca_bundle : str, optional
        File or folder of the certificates to trust, where a host has its own.
    timeout_s : float
        Seconds without a byte after which a reply counts as lost.
    transport : httpx.BaseTransport, optional
        In place of the network.
    clock, sleep : callable
        Seconds.
    on_date : callable
        Hears the service's own clock (UTC) as each reply arrives.
    another_key : callable, optional
        Takes a key that the service refused; returns the one to use in its place, or None.
    key_now : callable, optional
        Returns the key as it is now, where it changes by itself.

    Attributes
    ----------
    url : str
        The address that is used.

    Raises
    ------
    ConfigurationError
        The address, the key, the certificates or the proxy settings cannot be used; nothing was sent.

    Notes
    -----
    Every method raises `BadKey` or another `Refused`, and is tried again after faults; `request_tokens` only
    where certainly nothing came of it.
    """

    def __init__(
        self,
        url: str,
        key: Secret,
        *,
        email: str | None = None,
        ca_bundle: str | None = None,
        timeout_s: float = 300.0,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        on_date: Callable[[datetime], None] = lambda date: None,
        another_key: Callable[[Secret], Secret | None] = lambda refused: None,
        key_now: Callable[[], Secret] | None = None,
    ) -> None:
        self.url = base_url(url)
        credentials = Credentials(key, email, clock, another_key, key_now)
        self._client, lines = connect(self.url, ca_bundle, timeout_s, transport)
        self._connection = Connection(self._client, credentials, sleep, on_date, lines.give_up)

    @property
    def host(self) -> str:
        """The host's name, without port."""
        return self._client.base_url.host

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def close(self) -> None:
        """Close the connections; the service can be used no more."""
        self._client.close()

    def meet(self) -> None:
        """Be sure that an Ask Sage answers at the address; no key is sent.

        Raises
        ------
        NotReached
        """
        self._connection.meet()

    def models(self) -> list[ModelInfo]:
        """The models this account may use, as fully as the tenant tells of them."""
        return lists.models(self._connection)

    def personas(self) -> list[Persona]:
        """The personas this account may use."""
        return lists.personas(self._connection)

    def datasets(self) -> list[str]:
        """The names of the account's datasets."""
        return lists.datasets(self._connection)

    def plugins(self) -> list[Plugin]:
        """The plugins this account may use."""
        return lists.plugins(self._connection)

    def add_dataset(self, name: str, *, cui: bool = False) -> bool:
        """Create an empty dataset; whether it is for Controlled Unclassified Information.

        `cui` marks it for that, and so does a name with "cui" in it.

        Raises
        ------
        BadInput
            The name is too short or too long; nothing was sent.
        Refused
        """
        return personal.add_dataset(self._connection, name, cui)

    def training_job(self, job_id: str) -> UploadJob:
        """How far an upload is that goes on in the background; it costs nothing.

        Raises
        ------
        Refused
            It is not told now; `NoRoute` where the tenant never does.
        """
        return jobs.status(self._connection, job_id)

    def request_tokens(self, amount: int, reason: str = "", meter: Meter = Meter.INFERENCE) -> TokenRequest:
        """Ask the organization for more tokens.

        Raises
        ------
        BadInput
            The amount or the reason cannot be sent; nothing was sent.
        Refused
        ReplyLost
            The request may have arrived; it is not sent again.
        """
        request = personal.request_for_tokens(self._client, amount, reason, meter)
        del reason
        if isinstance(request, BadInput):
            raise request
        return personal.request_tokens(self._connection, request, amount, meter)

    def token_requests(self) -> list[TokenRequest]:
        """The account's own requests for tokens, newest first."""
        return personal.token_requests(self._connection)

    def tokenize(self, content: str, model: str) -> int:
        """Model tokens of `content` by the service's one tokenizer, its wrapper of 5 to 19 included."""
        return tokenizer.ask(self._connection, content, model)

    def price(self, content: str, model: str, completion_estimate: int = 0) -> int:
        """Ask Sage tokens that `content` and a reply of `completion_estimate` model tokens would cost."""
        return tokenizer.ask(
            self._connection, content, model, convert=True, completion_estimate=completion_estimate
        )

    def used(self, meter: Meter) -> int | None:
        """Ask Sage tokens used this month, on every device; None where the tenant does not tell."""
        return counters.used(self._connection, meter)

    def left(self) -> int | None:
        """Inference tokens left this month, below zero if overspent; None where the tenant does not tell."""
        return counters.left(self._connection)

    def limits(self) -> Limits:
        """What the account may spend a month; the rest of that reply, secrets among it, is dropped unread."""
        return counters.limits(self._connection)

    def users(self) -> list[OrganizationUser]:
        """The organisation's users with their limits, for its administrators; the rest is dropped unread.

        Raises
        ------
        Refused
            The key is no administrator's, or the tenant has no such route.
        """
        return admin.users(self._connection)

    def log(self, *, limit: int = 100, before_id: int | None = None) -> list[LogRow]:
        """What the account's calls were billed, newest first; what was said in them is dropped unread.

        Parameters
        ----------
        limit : int
            1 to 100 rows.
        before_id : int, optional
            Only rows older than this one. Rows may come twice, and those that make no sense not at all.

        Raises
        ------
        BadInput
            `limit` is out of range; nothing was sent.
        Refused
            The tenant has no log, or does not open it to the key alone.
        """
        return log.read(self._connection, limit, before_id)
