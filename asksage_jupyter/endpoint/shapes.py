"""What is answered, in OpenAI's shapes; beside its model tokens each tells the Ask Sage tokens."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from array import array

    from ..account import Bill
    from ..service import Embedded, ModelInfo
    from ..session import Reply

MICROSECONDS = 1_000_000


def usage(reply: Reply) -> dict[str, Any]:
    """What a reply cost; what is not told is null."""
    sides = reply.input_tokens, reply.output_tokens
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": sum(each for each in sides if each is not None) if None not in sides else None,
        "asksage_tokens": reply.tokens,
        "asksage_source": reply.source,
    }


def completion(reply: Reply, text: str, *, is_cut: bool, at: int) -> dict[str, Any]:
    """A whole reply; `at` is the present instant in microseconds UTC."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(is_cut)}
    made = _made("chat.completion", reply.op, reply.model, at)
    return made | {"choices": [choice], "usage": usage(reply)}


class Chunks:
    """The events of one streamed reply.

    Parameters
    ----------
    model : str
        As it was asked: which one answers is told with the bill.
    at : int
        Microseconds UTC.
    """

    def __init__(self, model: str, at: int) -> None:
        self._made = _made("chat.completion.chunk", uuid4().hex, model, at)

    def begin(self) -> dict[str, Any]:
        """The first one."""
        return self._chunk({"role": "assistant", "content": ""})

    def more(self, text: str) -> dict[str, Any]:
        """More of the text."""
        return self._chunk({"content": text})

    def end(self, *, is_cut: bool) -> dict[str, Any]:
        """The end of the text."""
        return self._chunk({}, _reason(is_cut))

    def usage(self, reply: Reply) -> dict[str, Any]:
        """What it cost, which follows the end."""
        return self._made | {"choices": [], "usage": usage(reply)}

    def _chunk(self, delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._made | {"choices": [choice]}


def embeddings(embedded: Embedded, model: str, bill: Bill, *, in_base64: bool) -> dict[str, Any]:
    """Vectors in the order of their texts, and what they cost."""
    rows = [
        {"object": "embedding", "index": number, "embedding": _bytes(each) if in_base64 else each.tolist()}
        for number, each in enumerate(embedded.vectors)
    ]
    cost = {
        "prompt_tokens": embedded.input_tokens,
        "total_tokens": embedded.input_tokens,
        "asksage_tokens": bill.tokens,
        "asksage_source": bill.source,
    }
    return {"object": "list", "data": rows, "model": embedded.model or model, "usage": cost}


def _bytes(vector: array[float]) -> str:
    """A vector as clients take it: float32, the lowest byte first, in Base64."""
    ordered = vector[:]
    if sys.byteorder == "big":
        ordered.byteswap()
    return base64.b64encode(ordered.tobytes()).decode()


def models(offered: Iterable[ModelInfo]) -> dict[str, Any]:
    """The models that may be asked."""
    return {"object": "list", "data": [model(each) for each in offered]}


def model(offered: ModelInfo) -> dict[str, Any]:
    """One of them; when it was made is not told."""
    return {"id": offered.id, "object": "model", "created": 0, "owned_by": offered.vendor or "ask-sage"}


def _made(kind: str, name: str, model: str, at: int) -> dict[str, Any]:
    return {"id": f"chatcmpl-{name}", "object": kind, "created": at // MICROSECONDS, "model": model}


def _reason(is_cut: bool) -> str:
    return "length" if is_cut else "stop"
