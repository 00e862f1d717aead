"""The two encodings, built from rank files that travel with the package.

tiktoken itself downloads these files at its first use. Everything here is equal to what
``tiktoken_ext.openai_public`` (tiktoken 0.14) would construct, and opens no socket.
"""

from __future__ import annotations

import hashlib
import threading
import zlib
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from ..display.plain import shown
from ..errors import BadInput, ConfigurationError
from ..forks import in_child

if TYPE_CHECKING:
    from tiktoken import Encoding


@dataclass(frozen=True, slots=True)
class _Facts:
    """What sets an encoding apart.

    Attributes
    ----------
    vocabulary : int
        Number of ranks; they run from 0 without gaps.
    sha256 : str
        Of the unpacked data file. That these bytes are tiktoken's own rank file is proved by a test,
        once, rather than by every process: rebuilding its base64 text takes as long as reading it.
    pattern : str
        Splits text into the pieces that byte pairs are merged in: those of tiktoken's own pattern, or
        parts of them that have the same tokens, in half the time. What looks ahead stands apart, and
        nothing is possessive, as nothing here could give back what it took: so the rest is one automaton
        in place of a search with one for each branch.
    """

    vocabulary: int
    sha256: str
    pattern: str


# The Chinese characters that a token of cl100k_base joins to a letter before them, as in a class of a
# pattern. Any other begins a piece: no merge crosses that place, and short pieces are merged sooner.
_JOINED = (
    "上下个中串为义事交享京他付以们件传位体作例元入关册出击函到前功加务动化午单取号司名否听员周"
    "命品器回国在址型增如始字存定容小布常年序库度建式录径态性息情意成户拀-拿据接改效数料断新时"
    "明有期本机权束果核格段求治法注消源点片理生用的目码确示称空章符箱类系索线组络统置者能藏行表"
    "要计认论证试话询误象败软载辑输过述送选道部量钟钮間闭间限除雅面页频题额黑"
)

_FACTS = {
    "cl100k_base": _Facts(
        100_256,
        "18288f996f452d44e0e65996176591a4b712a3eb1b42afd6f0511e735c099480",
        r"(?:'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}[\p{L}--[\u4e00-\u9fcc--["
        + _JOINED
        + r"]]]*|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+$|\s*[\r\n])|\s+(?!\S)|\s",
    ),
    "o200k_base": _Facts(
        199_998,
        "440741350e7cfa1c0f4869ce742d1b043550adbda5187adcac9e787edac6fba9",
        r"(?:[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+)|\s+(?!\S)|\s+",
    ),
}

ENCODINGS = tuple(_FACTS)
"""Names of the encodings that can be counted in."""

SEPARATOR = "\0"
"""A special token of ours, never meant unless it is allowed: many texts are encoded at once by it."""

# Matches any text as one piece: the way, within tiktoken's public interface, to merge without splitting.
_UNSPLIT = r"(?s:.+)"

_built: dict[tuple[str, bool], Encoding] = {}
_building = threading.Lock()


def pattern(name: str) -> str:
    """The pattern that splits text into pieces in the encoding `name`."""
    return _facts(name).pattern


def encoding(name: str, *, unsplit: bool = False) -> Encoding:
    """The encoding `name`, built at first use and shared by all threads from then on: 45 or 81 MB.

    Parameters
    ----------
    unsplit : bool
        Take text as a single piece.

    Raises
    ------
    BadInput
        `name` is not one of `ENCODINGS`.
    ConfigurationError
        The data file is missing or damaged. Nothing is kept; the next call tries again.
    """
    _facts(name)
    if built := _built.get((name, unsplit)):
        return built
    with _building:
        if (name, unsplit) not in _built:
            _built[name, unsplit] = _build(name, unsplit)
        return _built[name, unsplit]


def _begin_anew() -> None:
    """In a forked child: a thread of the parent may have had the other."""
    global _building
    _building = threading.Lock()


in_child(_begin_anew)


def _build(name: str, unsplit: bool) -> Encoding:
    from tiktoken import Encoding

    return Encoding(
        name,
        pat_str=_UNSPLIT if unsplit else pattern(name),
        mergeable_ranks=ranks(name),
        special_tokens={SEPARATOR: _facts(name).vocabulary},  # <|endoftext|> in a person's text is text
    )


def _facts(name: str) -> _Facts:
    try:
        return _FACTS[name]
    except KeyError:
        raise BadInput(f"{shown(name)} is not an encoding: use {' or '.join(ENCODINGS)}") from None


def ranks(name: str) -> dict[bytes, int]:
    """Each token's bytes and its rank in the encoding `name`."""
    from importlib.resources import files

    facts = _facts(name)
    try:
        unpacked = zlib.decompress(files(__package__).joinpath("data", f"{name}.zlib").read_bytes())
    except (OSError, zlib.error):
        unpacked = b""
    if hashlib.sha256(unpacked).hexdigest() != facts.sha256:
        raise ConfigurationError(f"the data file of {name} is damaged: reinstall asksage_jupyter")
    # One length byte a token, then the tokens themselves, both in order of rank.
    widths = [f"{length}s" for length in range(256)]
    layout = Struct("".join(map(widths.__getitem__, unpacked[: facts.vocabulary])))
    return dict(zip(layout.unpack_from(unpacked, facts.vocabulary), range(facts.vocabulary), strict=True))
