"""A reply no longer than was asked for: Ask Sage takes no such limit, so it is cut here, and billed whole."""

from __future__ import annotations

_LOOKED_AT = 2**18  # characters; of more the encoding may give up, and no model writes as much at once


def cut(text: str, most: int | None) -> tuple[str, bool]:
    """The text's first `most` model tokens (cl100k_base), and whether there were more."""
    if most is None or len(text.encode("utf-8", "replace")) <= most:  # a token is a byte at the least
        return text, False
    from ..tokens.encodings import encoding

    encoder = encoding("cl100k_base")
    tokens = encoder.encode_ordinary(text[:_LOOKED_AT])
    if len(tokens) <= most:
        return text, False
    # A character that is cut in two is left out.
    return encoder.decode_bytes(tokens[:most]).decode("utf-8", "ignore"), True
