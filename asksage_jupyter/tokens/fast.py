"""gigatoken, where it is installed: the same tokens many times as fast, believed after a check only."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from ..display.notices import warn
from .encodings import encoding, ranks

_PATTERNS = {"cl100k_base": "gpt4", "o200k_base": "o200k"}  # its names for them
# What the patterns tell apart, each next to others: letters of all kinds, digits, blanks, marks.
_SAMPLE = """Word WORD camelCase don't DON'T we'll 'ſ e\u0301 ß ǅ ʰ\t1 12 1234 ½ ² ٣\r\n\r\n
  if x:\n    y = {"a": [1]}
https://a.b/c?d=e&f//g !\n/ \n \n=== --- ___ \\ \x00 \u00a0\u3000\x0b\x1c\x85\u2028
一十中文日本語のー 한국 ไทย हिन्दी שלום ，。「
😀👩\u200d👩\u200d👧🇩🇪\ufeff\U0001f9ff\ue000 <|endoftext|> naïve Ελλάδα Привет İı   \n"""

Encode = Callable[[str], Any]  # NumPy's arrays of tokens

_loaded: dict[str, Encode | None] = {}
_loading = Lock()


def faster(name: str, text: str, tokens: int) -> Encode | None:
    """What encodes faster in `name`; None where it is not installed, and once it has differed from tiktoken.

    Parameters
    ----------
    text, tokens : str, int
        A part of what is to be counted, and how many tokens tiktoken found in it: checked each time.
    """
    with _loading:
        if name not in _loaded:
            _loaded[name] = _load(name)
        encode = _loaded[name]
        if encode and len(encode(text)) != tokens:
            _loaded[name] = None
            _tell("counts otherwise than tiktoken")
        return _loaded[name]


def _load(name: str) -> Encode | None:
    try:
        from gigatoken.gigatoken_rs import BPETokenizer
    except ImportError:
        return None
    try:
        with tempfile.TemporaryDirectory() as folder:  # it reads tiktoken's files, and files only
            file = Path(folder) / f"{name}.tiktoken"
            lines = (b"%b %d\n" % (base64.b64encode(token), rank) for token, rank in ranks(name).items())
            file.write_bytes(b"".join(lines))
            encode: Encode = BPETokenizer.from_tiktoken(file, _PATTERNS[name]).encode
        if list(encode(_SAMPLE)) == encoding(name).encode_ordinary(_SAMPLE):
            return encode
        _tell("tokenizes otherwise than tiktoken")
    except Exception as error:  # noqa: BLE001  it is young, and we can do without it
        _tell(f"cannot be used ({error})")
    return None


def _tell(what: str) -> None:
    warn(f"the installed gigatoken {what}: counting without it, more slowly. Please report this.")
