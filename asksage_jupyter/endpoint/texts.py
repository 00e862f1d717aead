"""A request for vectors in OpenAI's words."""

from __future__ import annotations

from typing import Any

from ..display.plain import shown
from ..errors import BadInput
from ..session import given
from ..session.training.embed import Texts
from .chat import LABELS, read_body

_TAKEN = ("model", "input", "dimensions", "encoding_format", *LABELS)
_FLOAT, _BASE64 = "float", "base64"


def read_texts(body: bytes) -> tuple[Texts, bool]:
    """The texts in a body, and whether their vectors are wanted as bytes in Base64.

    Raises
    ------
    BadInput
        It asks for what Ask Sage cannot do.
    """
    read = read_body(body)
    for name in read:
        if name not in _TAKEN:
            raise BadInput(f"{shown(name)} cannot be done through Ask Sage here: leave it out", name)
    dimensions = read.get("dimensions")
    form = given.one_of(read.get("encoding_format", _FLOAT), (_FLOAT, _BASE64), "encoding_format")
    texts = Texts(
        inputs=tuple(_inputs(read.get("input"))),
        model=given.text(read.get("model", ""), "model"),
        dimensions=None if dimensions is None else given.whole(dimensions, "dimensions", least=1),
    )
    if not texts.model.strip():
        raise BadInput("name the model that is to make the vectors", "model")
    return texts, form == _BASE64


def _inputs(told: object) -> list[Any]:
    """Texts, or model tokens; a single one may stand without its list."""
    listed = told if isinstance(told, list) and not _is_tokens(told) else [told]
    for number, each in enumerate(listed):
        if not (isinstance(each, str) and each) and not _is_tokens(each):
            raise BadInput(f"input[{number}] is a text or a list of model tokens, not {shown(each)}", "input")
    return listed


def _is_tokens(told: object) -> bool:
    return isinstance(told, list) and bool(told) and all(type(each) is int and each >= 0 for each in told)
