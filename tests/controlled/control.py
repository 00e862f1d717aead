"""A test's hand on a service: start it, and control it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from asksage_jupyter.account import Meter
from asksage_jupyter.errors import BadInput
from asksage_jupyter.local.start import LocalService, launch

_TESTS = str(Path(__file__).parents[1])
_PROGRAM = f"import sys; sys.path.insert(0, {_TESTS!r}); from controlled import service; service.main()"


def start(folder: Path, *, allotment: int = 200_000, output_limit: int = 256) -> LocalService:
    """Start the service as the demo is started, its counters in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"folder": str(folder), "allotment": allotment, "output_limit": output_limit}
    return launch(("-c", _PROGRAM), settings, timeout_s=60)


class Control:
    """The control routes of `service`; a context manager that closes the connection.

    Parameters
    ----------
    service : LocalService
        As of `start`.

    Notes
    -----
    Every method raises BadInput for a value that the service does not take; nothing is changed then.
    """

    def __init__(self, service: LocalService) -> None:
        headers = {"x-access-tokens": service.key}
        self._client = httpx.Client(base_url=service.url, headers=headers, trust_env=False)

    def set_clock(self, t: int | None) -> None:
        """Let the service's clock stand at `t` (microseconds UTC); None lets it follow the real one."""
        self._post("clock", {"now": None if t is None else t / 1e6})

    def fault(self, kind: str, **settings: Any) -> None:
        """Queue a fault of the next calls; kinds and settings are those of `controls.Fault`."""
        self._post("faults", {"kind": kind, **settings})

    def clear_faults(self) -> None:
        """Forget the faults that have not happened."""
        self._post("faults", {"clear": True})

    def spend(
        self,
        tokens: int,
        meter: Meter = Meter.INFERENCE,
        *,
        model: str = "another-device",
        input_tokens: int = 0,
        output_tokens: int = 0,
    ) -> None:
        """Let another device of the account spend `tokens`: a counter and a row of the log."""
        counts = {"tokens": tokens, "input_tokens": input_tokens, "output_tokens": output_tokens}
        self._post("spend", {"meter": meter, "model": model, **counts})

    def plan(
        self,
        *,
        max_tokens: int | None = None,
        max_train_tokens: int | None = None,
        requests_last: bool | None = None,
        requests_wait: bool | None = None,
        pool: int | None = None,
    ) -> None:
        """Change the limits, from this month on; None leaves one as it is.

        Parameters
        ----------
        max_tokens, max_train_tokens : int, optional
            Tokens a month.
        requests_last : bool, optional
            Whether tokens that are requested from now on raise the limit of later months, too.
        requests_wait : bool, optional
            Whether they wait for somebody's decision, instead.
        pool : int, optional
            What the organisation has left, below which an account's own limit does not help; below zero:
            there is no organisation.
        """
        told = {
            "max_tokens": max_tokens,
            "max_train_tokens": max_train_tokens,
            "requests_last": requests_last,
            "requests_wait": requests_wait,
            "pool": pool,
        }
        self._post("plan", {name: value for name, value in told.items() if value is not None})

    def decide(self, *, approved: bool) -> None:
        """Let somebody decide on the request for tokens that waits."""
        self._post("decide", {"approved": approved})

    def close(self) -> None:
        """Close the connection; the service runs on."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.close()

    def _post(self, name: str, told: dict[str, Any]) -> None:
        body = self._client.post(f"/demo/{name}", json=told).json()
        if body["status"] != 200:
            raise BadInput(f"the local service did not take {name}: {body['response']}")
