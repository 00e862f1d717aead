"""In a model's place, for thousands of calls: it says what it was told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import pairwise

from asksage_jupyter.local.engine import CONTEXT, Delta, too_long
from asksage_jupyter.tokens import count

_PIECES = 3


class EchoEngine:
    """Repeats the last message, in a few pieces; the counts are cl100k's.

    Attributes
    ----------
    name : str
    """

    name = "echo"

    async def generate(
        self, messages: list[dict[str, str]], *, temperature: float, limit: int
    ) -> AsyncGenerator[Delta, None]:
        """Stream the last of `messages`, cut where it is longer than `limit` tokens could be.

        Raises
        ------
        BadInput
            The prompt is longer than a model's context would be.
        """
        input_tokens = sum(count(message["content"]) for message in messages)
        if input_tokens > CONTEXT:
            raise too_long()
        text = messages[-1]["content"][: 4 * limit]
        cuts = sorted({len(text) * part // _PIECES for part in range(_PIECES + 1)})
        said = 0
        for start, end in pairwise(cuts):
            # By the piece, not by the text so far: the sum must not fall from one piece to the next.
            said = min(said + max(count(text[start:end]), 1), limit)
            yield Delta(text[start:end], input_tokens, said)
