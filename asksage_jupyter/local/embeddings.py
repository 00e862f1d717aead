"""Vectors of texts: their words, hashed. Texts that share words are near each other; no model is needed."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..account import Meter
from ..tokens import count_each
from .compatible import Provider
from .tariff import taught

PATHS = ("/server/openai/v1/embeddings",)
MODEL = "text-embedding-3-small"
_DIMENSIONS, _MOST = 256, 256


class Embeddings(Provider):
    """Answers in OpenAI's shape, and bills the training meter, as Ask Sage does."""

    def post(self) -> None:
        """Answer."""
        read = self.fields()
        told = read.get("input")
        listed = told if isinstance(told, list) else [told]
        texts = [each for each in listed if isinstance(each, str) and each]
        if not 0 < len(texts) == len(listed) <= _MOST:
            self.refuse(400, f"input is 1 to {_MOST} texts", "invalid_request_error")
        elif self.demo.left(Meter.TRAINING) <= 0:
            self.refuse(429, "Token quota exceeded for the user or plan", "insufficient_quota")
        else:
            self.finish(self._answer(read, texts))

    def _answer(self, read: Mapping[str, Any], texts: list[str]) -> dict[str, Any]:
        counted = sum(count_each(texts))
        model, length = str(read.get("model") or MODEL), sum(map(len, texts))
        self.demo.book(
            Meter.TRAINING, taught(counted), model=model, input_tokens=counted, prompt_length=length
        )
        rows = [
            {"object": "embedding", "index": number, "embedding": vector(text)}
            for number, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": counted, "total_tokens": counted}
        return {"object": "list", "data": rows, "model": model, "usage": usage}


def vector(text: str) -> list[float]:
    """A text's words, each at a place of its own and with a sign of its own; of length 1."""
    figures = [0.0] * _DIMENSIONS
    for word, times in Counter(re.findall(r"\w+", text.lower()) or [text]).items():
        hashed = int.from_bytes(hashlib.blake2b(word.encode(errors="replace"), digest_size=8).digest())
        figures[hashed % _DIMENSIONS] += times if hashed >> 63 else -times
    length = math.hypot(*figures) or 1.0
    return [figure / length for figure in figures]
