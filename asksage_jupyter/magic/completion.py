"""Tab completion: subcommands after ``%asksage``; options, their values and models after ``%%asksage``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from IPython.core.completer import SimpleCompletion, context_matcher

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

_LINE = re.compile(r"\s*(%%?)asksage\s+(.*)", re.DOTALL)


@context_matcher(identifier="asksage_jupyter")  # type: ignore[untyped-decorator]
def complete(context: CompletionContext) -> SimpleMatcherResult:
    """What may stand at the cursor; nothing outside the magics' own line, nor where any value may stand."""
    found = _LINE.fullmatch(context.text_until_cursor)
    if found is None or (found[1] == "%%" and context.cursor_line > 0):
        return {"completions": []}
    *before, word = re.split(r"\s+", found[2])
    candidates = _in_cell(before, word) if found[1] == "%%" else _in_line(before, word)
    matches = [SimpleCompletion(text, type="param") for text in candidates if text.startswith(word)]
    return {"completions": matches, "matched_fragment": word, "suppress": bool(matches), "ordered": True}


def _in_line(before: list[str], word: str) -> Iterable[str]:
    """Candidates after ``%asksage``."""
    from .help import TOPICS
    from .line import COMMANDS

    if not before:
        return COMMANDS
    if before == ["help"]:
        return TOPICS
    return _in_cell(before[1:], word) if before[0] == "estimate" else ()


def _in_cell(before: list[str], word: str) -> Iterable[str]:
    """Candidates where options and models stand."""
    from .options import names, values

    option, equals, _ = word.partition("=")
    if equals and option in names():
        return [f"{option}={value}" for value in values(option) or ()]
    if before and before[-1] in names():
        allowed = values(before[-1])
        if allowed is not None:
            return allowed
    if word.startswith("-"):
        return names()
    return _models()


def _models() -> list[str]:
    """The models known without asking anybody: the setting, and what the service told earlier."""
    from ..errors import AskSageError
    from ..session import current
    from ..settings import AskSage

    try:
        known = current().model_ids()
    except AskSageError:
        known = []  # a setting is wrong: the cell will say so when it is run
    default = AskSage.instance().model
    return known if default in known or not default else [default, *known]
