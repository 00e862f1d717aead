"""Tab completion: commands, options, their values and models on a magic's line; variables in a prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from IPython import get_ipython
from IPython.core.completer import SimpleCompletion, context_matcher

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from ..prompting import Parser

Meanings = dict[str, str]
_NO_MORE: Meanings = {}

_COMPARE = "--compare"
_CELL = re.compile(r"\s*%%asksage(\s|$)")
_BRACE = re.compile(r".*(?<!\{)\{(|[^\W\d]\w*)", re.DOTALL)
_LINE = re.compile(r"\s*(%%?)asksage(_train)?\s+(.*)", re.DOTALL)


@context_matcher(identifier="asksage_jupyter")  # type: ignore[untyped-decorator]
def complete(context: CompletionContext) -> SimpleMatcherResult:
    """What may stand at the cursor; nothing where any value may stand."""
    if context.cursor_line > 0 and _CELL.match(context.full_text):
        return _in_prompt(context.text_until_cursor)
    found = _LINE.fullmatch(context.text_until_cursor)
    if found is None or (found[1] == "%%" and context.cursor_line > 0):  # below another magic
        return {"completions": []}
    *before, word = re.split(r"\s+", found[3])
    candidates = _in_cell(found[2], before, word) if found[1] == "%%" else _in_line(before, word)
    return _offered(candidates, word)


def _offered(candidates: Meanings, word: str) -> SimpleMatcherResult:
    # Front ends show the type beside the word.
    matches = [
        SimpleCompletion(text, type=meaning or "param")
        for text, meaning in candidates.items()
        if text.startswith(word)
    ]
    return {"completions": matches, "matched_fragment": word, "suppress": bool(matches), "ordered": True}


def _in_prompt(line: str) -> SimpleMatcherResult:
    """The person's variables behind an open brace, each with its type."""
    begun, shell = _BRACE.fullmatch(line), get_ipython()
    if begun is None or shell is None:
        return {"completions": []}
    from ..prompting.braces import variables

    found = variables(shell.user_ns, shell.user_ns_hidden)
    return _offered({name: type(found[name]).__name__ for name in sorted(found)}, begun[1])


def _in_line(before: list[str], word: str) -> Meanings:
    """Candidates after ``%asksage``."""
    from ..commands import COMMANDS, JSON
    from ..commands.help import topics

    if not before:
        return {command.name: command.summary for command in COMMANDS.values()}
    if before == ["help"]:
        return dict.fromkeys(topics(), "")
    command = COMMANDS.get(before[0])
    if command is None:
        return {}
    return _among(
        command.parser,
        before[1:],
        word,
        _models if command.name == "estimate" else dict,
        {JSON: "the figures alone"},
    )


def _in_cell(train: str | None, before: list[str], word: str) -> Meanings:
    """Candidates on a cell's first line."""
    from ..prompting import cell_parser, training_parser

    if train:
        return _among(training_parser(), before, word, dict)
    return _among(cell_parser(), before, word, _models)


def _among(
    parser: Parser, before: list[str], word: str, words: Callable[[], Meanings], more: Meanings = _NO_MORE
) -> Meanings:
    """Candidates where the options of `parser` stand, or one of `words`."""
    names = parser.meanings() | more
    option, equals, value = word.partition("=")
    if _COMPARE in names and ((equals and option == _COMPARE) or before[-1:] == [_COMPARE]):
        return _further_models(word, value if option == _COMPARE else word)
    if equals and option in names:
        return _without(f"{option}={value}" for value in parser.values(option) or ())
    if before and before[-1] in names:
        allowed = parser.values(before[-1])
        if allowed is not None:
            return _without(allowed)
    return names if word.startswith("-") else words()


def _further_models(word: str, begun: str) -> Meanings:
    """What the last of the models that `begun` joins by commas may be, with all of `word` before it."""
    *named, last = begun.split(",")
    before = word.removesuffix(last)
    return _without(before + model for model in _models() if model not in named)


def _without(words: Iterable[str]) -> Meanings:
    """Words that need no explanation."""
    return dict.fromkeys(words, "")


def _models() -> Meanings:
    """The models known without asking anybody: the setting, and what the service told earlier."""
    from ..errors import AskSageError
    from ..session import current
    from ..settings import AskSage

    try:
        known = current().model_ids()
    except AskSageError:
        known = []  # a setting is wrong: the cell will say so when it is run
    default = AskSage.instance().model
    return _without(known if default in known or not default else [default, *known])
