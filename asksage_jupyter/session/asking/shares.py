"""What of a query is billed as input: its parts by name, in model tokens, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...display.plain import one_line
from ...rates import RECORDED, first_guess
from ...tokens import count, count_file, file_kind
from ..stopwatch import WORTH_A_LINE, Stopwatch

if TYPE_CHECKING:
    from ...service import Query

# Recorded replies of live accounts, April and September 2026.
PERSONA_TOKENS = 780  # the default persona's text, in every call that sends no system prompt
WEB_SEARCH_TOKENS = 1_400  # live=1 and live=2
REFERENCE_TOKENS = 5_724  # dataset references, one sample


def shares(query: Query) -> dict[str, int]:
    """Model tokens of each part of the query's input; parts that are absent are left out.

    The prompt, system prompt, history and a file of text are counted exactly (cl100k_base); what the service
    adds (persona, web search, references), and what it makes of another file, are figures of recorded calls.

    Raises
    ------
    BadInput
        The file cannot be read.
    """
    parts = {
        "prompt": count(query.prompt),
        "system prompt": count(query.system or ""),
        "history": sum(count(question) + count(answer) for question, answer in query.history),
        "persona": 0 if query.system else PERSONA_TOKENS,
        "web search": WEB_SEARCH_TOKENS if query.live else 0,
        "references": REFERENCE_TOKENS if query.dataset != "none" else 0,
    }
    if query.file is not None:
        kind = file_kind(query.file)
        if kind == "text":
            parts["file"] = _counted(query.file)
        else:
            kind = kind if kind in RECORDED else "document"
            parts[kind] = first_guess(kind)
    return {name: tokens for name, tokens in parts.items() if tokens}


def _counted(file: Path) -> int:
    size = file.stat().st_size
    if size < WORTH_A_LINE:
        return count_file(file)
    with Stopwatch(f"counting {one_line(file.name)}", size) as line:
        return count_file(file, advance=line.advance)
