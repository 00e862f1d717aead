"""What the service has to offer: models, personas, plugins, a price, questions to ask next."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..display.page import Page
from ..display.plain import shown
from ..display.table import Table
from ..errors import AskSageError, BadInput
from ..prompting import CellOptions, cell_parser, expand, unfilled
from ..session import build_query, current
from .command import Command, Names, Notice, Told

if TYPE_CHECKING:
    from ..session import Session

_WIDTH = 104


def _models(words: Sequence[str]) -> Iterator[object]:
    from .offers import Offers

    models, wanted = current().models(), " ".join(words)
    found = [
        model
        for model in models
        if wanted.lower() in " ".join((model.id, model.name, model.vendor or "", *model.aliases)).lower()
    ]
    if not found:
        raise BadInput(f"no model has {shown(wanted)} in its name; %asksage models lists all")
    yield Offers(tuple(found), len(models))


def _personas(words: Sequence[str]) -> Iterator[object]:
    there, wanted = current().asking(lambda service: service.personas()), " ".join(words)
    found = [each for each in there if wanted.lower() in each.name.lower()]
    if not found:
        raise BadInput(f"no persona has {shown(wanted)} in its name; %asksage personas lists all")
    words = _listed((f"{each.id}  {each.name}", each.description) for each in found)
    rows = [(str(each.id), each.name, _brief(each.description)) for each in found]
    yield Told(Page.of(words, Table(("id", "persona", "what it is told"), rows, sides="rl")), personas=found)


def _plugins(_: Sequence[str]) -> Iterator[object]:
    there = current().asking(lambda service: service.plugins())
    if not there:
        yield Told("This Ask Sage offers no plugins.", plugins=there)
        return
    values = [" ".join(f"{name}=" for name in each.parameters) for each in there]
    words = _listed(
        (f"{each.name} {value}".strip(), each.description) for each, value in zip(there, values, strict=True)
    )
    rows = [(each.name, value, _brief(each.description)) for each, value in zip(there, values, strict=True)]
    yield Told(Page.of(words, Table(("plugin", "takes", "what it does"), rows, sides="l")), plugins=there)


def _listed(rows: Iterable[tuple[str, str]]) -> str:
    """Names with their descriptions below, each shortened to a line."""
    lines = []
    for name, description in rows:
        lines.append(name)
        if description.strip():
            lines.append(f"    {_brief(description)}")
    return "\n".join(lines)


def _brief(description: str) -> str:
    return textwrap.shorten(description, _WIDTH, placeholder=" ...")


def _estimate(text: str, names: Names) -> Iterator[object]:
    options, leading, prompt = cell_parser().read_before_text(text, lambda word: _is_model(current(), word))
    for name, what in (("plugin", "plugin NAME name=value ..."), ("compare", "compare MODEL,MODEL")):
        if options[name]:
            raise BadInput(f"--{name} is priced in its cell: %%asksage --{what} --estimate")
    if options["help"] or not prompt:
        yield ESTIMATE.parser.describe()
        return
    from ..session.asking.prompt import price

    session = current()
    query = build_query(
        session, expand(prompt, *names), leading[0] if leading else None, CellOptions(**options).of_call
    )
    yield price(session, query)
    if notice := unfilled(prompt, *names):
        yield Notice(notice)


def _is_model(session: Session, word: str) -> bool:
    """Whether the first word names a model; the service is asked only about one that may, as no "Why" may."""
    from ..session.pricing import AUTO

    if word == session.settings.model:
        return True
    if not re.fullmatch(r"[\w.:/-]+", word) or (word.isalpha() and word[0].isupper()):
        return False
    try:
        return any(word in (model.id, *model.aliases) for model in session.models()) or word == AUTO
    except AskSageError:
        return False  # the estimate itself tells what is wrong


def _follow_up(_: Sequence[str]) -> Iterator[object]:
    from ..session.asking.plugins import follow_up

    reply = follow_up(current())
    questions = "\n".join(f"- {line}" for line in reply.text.splitlines())
    yield replace(reply, text=questions or "Ask Sage suggests no questions.")


MODELS = Command(
    "models", "[WORD]", "the models you may use, those with WORD in their name", _models, words=None
)
PERSONAS = Command(
    "personas",
    "[WORD]",
    "the personas, those with WORD in their name",
    _personas,
    words=None,
)
PLUGINS = Command("plugins", "", "what %%asksage --plugin NAME may run", _plugins)
ESTIMATE = Command(
    "estimate",
    "[MODEL] [options] TEXT",
    "what a prompt would cost; nothing is sent to a model",
    _estimate,
    is_text=True,
    read_by=cell_parser,
)
FOLLOW_UP = Command(
    "follow-up", "", "questions suggested after this notebook's last reply", _follow_up, needs_notebook=True
)
