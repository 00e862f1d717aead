"""What a person gives to a dataset, read and cut into the pieces that are uploaded."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...display.plain import one_line, shown
from ...errors import BadInput
from ...files import reading
from ...rates import RECORDED, billed
from ...tokens import count, kind_of
from .. import given
from ..stopwatch import WORTH_A_LINE, Stopwatch
from .chunks import pack, split
from .rows import rows_of

_ROWS = frozenset({".csv", ".tsv", ".jsonl", ".log"})


@dataclass(frozen=True, slots=True)
class Piece:
    """What is uploaded at once.

    Attributes
    ----------
    name : str
        For people: the file, and which part of it.
    content : bytes
        Text in UTF-8, or the whole file.
    path : Path or None
        The file that is uploaded as it is; None for text.
    training, inference : int
        Ask Sage tokens expected on each meter.
    """

    name: str
    content: bytes = field(repr=False)
    path: Path | None
    training: int
    inference: int = 0

    @property
    def text(self) -> str:
        """The content of a piece without a `path`."""
        return self.content.decode()


def pieces_of(source: Any) -> list[Piece]:
    """Read all of `source`; nothing is sent.

    Parameters
    ----------
    source : str, Path, or iterable of either
        A str is the text itself, a Path its file. Strings of a list or column are rows, which are put
        together into pieces; what is missing among them is left out.

    Raises
    ------
    BadInput
        A file is missing, a directory, empty, unreadable or neither text nor a known kind; or there is no
        text at all.
    """
    if isinstance(source, str):
        return _text(source)
    if isinstance(source, os.PathLike):
        return _file(given.path(source, "the file"))
    items = rows_of(source)
    files = [given.path(item, "a file") for item in items if isinstance(item, os.PathLike)]
    if files and len(files) < len(items):
        raise BadInput("paths and texts are mixed in one list: upload the files and the texts one by one")
    if files:
        return [piece for file in files for piece in _file(file)]
    rows = [row for row in given.listed(map(str, items), "the rows") if row.strip()]
    if not rows:
        raise BadInput("there is no text in the rows: nothing was uploaded")
    with _telling("rows", sum(map(len, rows))):
        return _pieces("rows", pack(rows))


def _text(text: str) -> list[Piece]:
    if not text.strip():
        raise BadInput("the text is empty: nothing was uploaded")
    if _names_a_file(text):
        raise BadInput(
            f"{shown(text)} is the name of a file, and a str is uploaded as it is: write Path(...) around it"
        )
    with _telling("text", len(text)):
        return _pieces("text", split(text))


def _names_a_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # longer than a name may be, or holding what none may
        return False


def _file(path: Path) -> list[Piece]:
    if path.is_dir():
        raise BadInput(f"{path} is a directory: name its files, such as {path / '*.md'}")
    with reading(path):
        if not path.exists():
            raise BadInput(f"there is no file {path}")
        content = path.read_bytes()
    if not content.strip():
        raise BadInput(f"{path} is empty: leave it out")
    # What such a file will cost is not told before: its text is the service's to find.
    if figures := RECORDED.get(kind_of(content, path.name)):
        return [Piece(path.name, content, path, *figures)]
    with _telling(path.name, len(content)):
        return _pieces(path.name, split(_decoded(path, content), rows=path.suffix.lower() in _ROWS))


def _decoded(path: Path, content: bytes) -> str:
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BadInput(
            f"{path} is neither text in UTF-8 nor a {', '.join(RECORDED)}: convert it, or leave it out"
        )
    return text


def _telling(name: str, size: int) -> AbstractContextManager[object]:
    """A line of what is counted, where that takes its time."""
    return Stopwatch(f"counting {one_line(name)}") if size >= WORTH_A_LINE else nullcontext()


def _pieces(name: str, texts: list[str]) -> list[Piece]:
    found = [text.encode("utf-8", "replace") for text in texts if text.strip()]
    if not found:
        raise BadInput(f"{name} holds no text: leave it out")
    names = [name] if len(found) == 1 else [f"{name} ({n} of {len(found)})" for n in range(1, len(found) + 1)]
    return [Piece(each, text, None, price(text)) for each, text in zip(names, found, strict=True)]


def price(text: bytes) -> int:
    """Training tokens of a text: 1.3 times its model tokens (cl100k_base), as in all recorded uploads."""
    return int(billed(count(text)))
