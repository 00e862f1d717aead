"""The model behind the local service: a GGUF file loaded here, or any OpenAI-compatible server.

xllamacpp always opens an OpenAI-compatible port on loopback for what it loads, so both are reached in one
way, over HTTP. Closing the connection stops the generation: no thread to interrupt, no flag to poll.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from ..errors import BadInput, ConfigurationError, Unavailable

if TYPE_CHECKING:
    import httpx

CONTEXT = 2048  # model tokens of prompt and reply together


@dataclass(frozen=True, slots=True)
class Delta:
    """Some more of a reply, and the model tokens the whole of it has come to so far."""

    text: str
    input_tokens: int
    output_tokens: int


class Model(Protocol):
    """Whatever answers."""

    @property
    def name(self) -> str:
        """Its own name."""

    def generate(
        self, messages: list[dict[str, str]], *, temperature: float, limit: int
    ) -> AsyncGenerator[Delta, None]:
        """Stream the reply to `messages`; closing the iterator stops it."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An OpenAI-compatible endpoint.

    Attributes
    ----------
    url : str
        Base URL, with ``/v1``.
    name : str
        The model's name there.
    extras : mapping
        What only llama.cpp understands, sent with every request.
    """

    url: str
    name: str
    key: str = field(default="", repr=False)
    extras: Mapping[str, Any] = field(default_factory=dict)
    loaded: object = None  # keeps an in-process server alive

    async def generate(
        self, messages: list[dict[str, str]], *, temperature: float, limit: int
    ) -> AsyncGenerator[Delta, None]:
        """Stream the reply to `messages`, at most `limit` model tokens of it.

        Closing the iterator stops the model.

        Raises
        ------
        BadInput
            The prompt does not fit the model's context; nothing was generated.
        Unavailable
            The model cannot be reached, or failed on the way.
        """
        import httpx

        body = {"model": self.name, "messages": messages, "temperature": temperature, "max_tokens": limit}
        body |= {"stream": True, "stream_options": {"include_usage": True}, **self.extras}
        so_far = Delta("", 0, 0)
        try:
            async with (
                self._client() as client,
                client.stream("POST", "chat/completions", json=body) as reply,
            ):
                if reply.status_code != 200:
                    raise _failure(reply.status_code, await reply.aread())
                async with aclosing(_events(reply)) as events:
                    async for event in events:
                        so_far = _piece(event, so_far, messages)
                        yield so_far
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise Unavailable(f"the local model failed: {type(error).__name__}") from error

    def _client(self) -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
            # Generation on a slow CPU may pause; an unreachable server shows at once.
            timeout=httpx.Timeout(120, connect=10),
            # A proxy of the environment must not see what stays on this machine.
            trust_env=urlsplit(self.url).scheme == "https",
        )


def load(weights: Path) -> Engine:
    """Load a GGUF file into this process, on one thread.

    On a CPU without AVX2 the import alone kills the process: call it only in a child.

    Raises
    ------
    ConfigurationError
        xllamacpp is not installed, or the file is not a model it can load.
    """
    try:
        import xllamacpp  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigurationError(
            'the local demo needs xllamacpp: run  python -m pip install "asksage_jupyter[demo]"'
        ) from None
    key = secrets.token_urlsafe(24)
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel, params.n_gpu_layers = CONTEXT, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 2
    # It opens a port in any case, without a key unless told one.
    params.api_keys, params.ui, params.endpoint_slots = [key], False, False
    params.cache_ram_mib, params.verbosity, params.warmup, params.fit_params = 0, -1, False, False
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ConfigurationError(f"{weights} cannot be loaded as a model: {error}") from None
    # cache_prompt off: the same prompt gives the same reply; a mild penalty keeps a tiny model from loops.
    extras = {"cache_prompt": False, "timings_per_token": True, "repeat_penalty": 1.1}
    return Engine(f"{server.listening_address}/v1", weights.stem, key, extras, loaded=server)


def reach(url: str) -> Engine:
    """The first model of the OpenAI-compatible server at `url`.

    Raises
    ------
    ConfigurationError
        Nothing there answers, or it lists no model.
    """
    import httpx

    try:
        reply = httpx.get(f"{url}/models", timeout=10, trust_env=urlsplit(url).scheme == "https")
        return Engine(url, str(reply.raise_for_status().json()["data"][0]["id"]))
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(
            f"no model answers at {url}/models ({type(error).__name__}): is the server running?"
        ) from None


async def _events(reply: httpx.Response) -> AsyncGenerator[dict[str, Any], None]:
    async for line in reply.aiter_lines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        event = json.loads(data)
        if "error" in event:
            raise ValueError(event["error"])
        yield event


def _piece(event: Mapping[str, Any], so_far: Delta, messages: list[dict[str, str]]) -> Delta:
    """Read one event; counts are the server's own wherever it tells them."""
    text = "".join(choice["delta"].get("content") or "" for choice in event.get("choices") or ())
    if usage := event.get("usage"):
        return Delta(text, usage["prompt_tokens"], usage["completion_tokens"])
    if timings := event.get("timings"):
        return Delta(text, timings["prompt_n"] + timings["cache_n"], timings["predicted_n"])
    # A server that tells usage only at the end, or never: one event is about one token.
    return Delta(text, so_far.input_tokens or _counted(messages), so_far.output_tokens + bool(text))


def _counted(messages: list[dict[str, str]]) -> int:
    from ..tokens import count

    return sum(count(message["content"]) for message in messages)


def _failure(status: int, body: bytes) -> Exception:
    if status == 400 and b"context" in body:
        return too_long()
    return Unavailable(f"the local model answered HTTP {status}", status=status)


def too_long() -> BadInput:
    """The prompt does not fit the model's context."""
    return BadInput(f"it is too long for the local model, which takes {CONTEXT:,} model tokens")
