"""Tab completion: commands, options, their values and models on a magic's line; variables in a prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from IPython import get_ipython
from IPython.core.completer import SimpleCompletion, context_matcher

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from ...prompting import Parser

Meanings = dict[str, str]
_NO_MORE: Meanings = {}

_COMPARE = "--compare"
# What names a variable of the person's that is there already.
_OF_VARIABLES = ("--map", "--schema")
_PATHS = frozenset({"IPCompleter.file_matcher"})
_CELL = re.compile(r"\s*%%asksage(_train)?(\s|$)")
_BRACE = re.compile(r".*(?<!\{)\{(|[^\W\d]\w*)", re.DOTALL)
_LINE = re.compile(r"\s*(%%?)asksage(_train)?\s+(.*)", re.DOTALL)


class Alone(list[SimpleCompletion]):
    """Completions that stand alone, even where there are none.

    IPython hides what others offer only where there is anything to offer instead, by their number: on a line
    of ours it would offer Python's keywords, its magics and the folder's files.
    """

    def __len__(self) -> int:
        return super().__len__() or 1


@context_matcher(identifier="asksage_jupyter")  # type: ignore[untyped-decorator]
def complete(context: CompletionContext) -> SimpleMatcherResult:
    """What may stand at the cursor; nothing where any value may stand."""
    if context.cursor_line > 0 and (cell := _CELL.match(context.full_text)):
        return _offered({}, "") if cell[1] else _in_prompt(context.text_until_cursor)
    found = _LINE.fullmatch(context.text_until_cursor)
    if found is None or (found[1] == "%%" and context.cursor_line > 0):  # below another magic
        return {"completions": []}
    *before, word = re.split(r"\s+", found[3])
    if found[1] == "%%":
        return _offered(*_in_cell(found[2], before, word))
    return _offered(*_in_line(before, word))


def _offered(candidates: Meanings, word: str, or_path: bool = False) -> SimpleMatcherResult:
    # Front ends show the type beside the word.
    matches = Alone(
        SimpleCompletion(text, type=meaning or "param")
        for text, meaning in candidates.items()
        if text.startswith(word)
    )
    return {
        "completions": matches,
        "matched_fragment": word,
        "suppress": True,
        "do_not_suppress": set(_PATHS if or_path else ()),
        "ordered": True,
    }


def _in_prompt(line: str) -> SimpleMatcherResult:
    """The person's variables behind an open brace, each with its type; of prose nothing."""
    begun = _BRACE.fullmatch(line)
    return _offered({}, "") if begun is None else _offered(_variables(), begun[1])


def _variables() -> Meanings:
    from ...prompting.braces import variables

    shell = get_ipython()
    found = {} if shell is None else variables(shell.user_ns, shell.user_ns_hidden)
    return {name: type(found[name]).__name__ for name in sorted(found)}


def _in_line(before: list[str], word: str) -> tuple[Meanings, str, bool]:
    """Candidates after ``%asksage``, the word, and whether it may be a path instead."""
    from ...commands import COMMANDS, JSON
    from ...commands.help import topics

    if not before:
        return {command.name: command.summary for command in COMMANDS.values()}, word, False
    if before == ["help"]:
        return dict.fromkeys(topics(), ""), word, False
    command = COMMANDS.get(before[0])
    if command is None:
        return {}, word, False
    words = _models if command.name == "estimate" else dict
    more = {JSON: "the figures alone"}
    is_path = command.arguments.lstrip("[").startswith("PATH")
    return _among(command.parser, before[1:], word, words, more, or_path=is_path)


def _in_cell(train: str | None, before: list[str], word: str) -> tuple[Meanings, str, bool]:
    """Candidates on a cell's first line, the word, and whether it may be a path instead."""
    from ...prompting import cell_parser, training_parser

    if train:
        return _among(training_parser(), before, word, dict)
    return _among(cell_parser(), before, word, _models)


def _among(
    parser: Parser,
    before: list[str],
    word: str,
    words: Callable[[], Meanings],
    more: Meanings = _NO_MORE,
    *,
    or_path: bool = False,
) -> tuple[Meanings, str, bool]:
    """Candidates where the options of `parser` stand, or one of `words`."""
    names = parser.meanings() | more
    option, equals, value = word.partition("=")
    if _COMPARE in names and ((equals and option == _COMPARE) or before[-1:] == [_COMPARE]):
        return _further_models(word, value if option == _COMPARE else word), word, False
    if equals and option in parser.meanings():
        values = {f"{option}={text}": meaning for text, meaning in _values(parser, option).items()}
        return values, word, parser.is_path(option)
    if before and before[-1] in parser.meanings() and parser.values(before[-1]) is not None:
        return _values(parser, before[-1]), word, parser.is_path(before[-1])
    return (names, word, False) if word.startswith("-") else (words(), word, or_path)


def _values(parser: Parser, option: str) -> Meanings:
    """What may stand behind an option."""
    told = _without(parser.values(option) or ())
    if option in _OF_VARIABLES:
        return told | _variables()
    return _models() if option == "--else" else told


def _further_models(word: str, begun: str) -> Meanings:
    """What the last of the models that `begun` joins by commas may be, with all of `word` before it."""
    *named, last = begun.split(",")
    before = word.removesuffix(last)
    return {before + model: cost for model, cost in _models().items() if model not in named}


def _without(words: Iterable[str]) -> Meanings:
    """Words that need no explanation."""
    return dict.fromkeys(words, "")


def _models() -> Meanings:
    """The models known without asking anybody, each with its cost: the setting, and what the service told."""
    from ...errors import AskSageError
    from ...session import current
    from ...settings import AskSage

    default = AskSage.instance().model
    first = [default] if default else []
    try:
        session = current()
        rates = session.pricing.rates
        known = session.model_ids() or rates.offered()
        return rates.costs(known if default in known else [*first, *known])
    except AskSageError:  # a setting is wrong: the cell will say so when it is run
        return _without(first)
