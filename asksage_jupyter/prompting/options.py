"""The line of ``%%asksage`` as a frozen record; what is wrong with it is told in one line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from ..errors import BadInput
from .cell_parser import cell_parser

if TYPE_CHECKING:
    from ..session import Options

_NAME = re.compile(r"[\w-]+=")
_ALONE = ("into", "schema", "budget", "sample", "when")
_NOT_OF_ROWS = ("format", "plugin", "compare", "history", "file", "max_tokens", "replay")
_INSTEAD = {
    "--max-tokens": ": --budget limits what all rows cost",
    "--replay": ": it always shows kept replies again, and --fresh asks anew",
}


@dataclass(frozen=True, slots=True)
class CellOptions:
    """What the line of ``%%asksage`` says; None where it says nothing.

    Attributes
    ----------
    model : str or None
    format : str or None
        One of `FORMATS`.
    output : str or None
        Name of the variable that the reply goes into.
    system, persona, dataset, live, temperature, reasoning, history, file
        As of `session.Options`.
    estimate : bool
        Price it, send nothing.
    max_tokens : int or None
        Refuse when the estimate is above this many Ask Sage tokens.
    otherwise : str or None
        The model to ask instead where the first is refused before it is sent.
    stream : bool
        Show the reply while it arrives.
    help : bool
        Show the options, send nothing.
    plugin : str or None
        Name of a plugin to run instead of asking a model alone.
    given : tuple of (str, str)
        The plugin's values, by their names.
    project : str or None
        Book it under this project.
    tag : tuple of (str, str)
        Billing codes, by their names.
    compare : tuple of str
        Models to ask side by side instead of one.
    replay : bool or None
        Show a kept reply again instead of asking anew, and keep this one; None for the setting.
    map : str or None
        Name of the variable whose rows are asked, each by itself.
    into, schema, budget, sample, when, fresh
        As of `asksage_jupyter.map`; the schema by its name.
    """

    model: str | None = None
    format: str | None = None
    output: str | None = None
    system: str | None = field(default=None, repr=False)
    persona: int | None = None
    dataset: str = "none"
    live: int = 0
    temperature: float | None = None
    reasoning: str | None = None
    history: int = 0
    file: str | None = None
    estimate: bool = False
    max_tokens: int | None = None
    otherwise: str | None = None
    stream: bool = True
    help: bool = False
    plugin: str | None = None
    given: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    project: str | None = None
    tag: tuple[tuple[str, str], ...] = ()
    compare: tuple[str, ...] = ()
    replay: bool | None = None
    map: str | None = None
    into: str | None = None
    schema: str | None = None
    budget: int | None = None
    sample: int | None = None
    when: str | None = None
    fresh: bool = False

    @property
    def of_call(self) -> Options:
        """Those that describe the call itself."""
        return {
            "system": self.system,
            "persona": self.persona,
            "dataset": self.dataset,
            "live": self.live,
            "temperature": self.temperature,
            "reasoning": self.reasoning,
            "history": self.history,
            "file": self.file,
        }


def parse_cell(line: str) -> CellOptions:
    """The options of a ``%%asksage`` line.

    Raises
    ------
    BadInput
        An option or value that is not allowed; the message says which are.
    """
    options, words = cell_parser().read(line)
    given: list[str] = []
    if options["plugin"] is not None:
        given = [word for word in words if _NAME.match(word)]
        words = [word for word in words if not _NAME.match(word)]
    if len(words) > 1:
        raise BadInput(
            f"after the model only options may follow, not {' '.join(words[1:])!r}: the prompt goes on the "
            f"lines below %%asksage"
        )
    values = tuple((name, value) for name, _, value in (word.partition("=") for word in given))
    options["tag"] = tuple(options["tag"])
    found = CellOptions(**options, model=words[0] if words else None, given=values)
    if found.otherwise and (wrong := [name for name in ("compare", "plugin", "map") if getattr(found, name)]):
        raise BadInput(f"with --{wrong[0]} there is no --else: it is another model for one prompt")
    if found.compare:
        _only_of_one_model(found)
    if found.plugin is not None:
        _only_of_plugins(found)
    _of_tables(found)
    return found


def _only_of_one_model(options: CellOptions) -> None:
    if options.model is not None:
        raise BadInput(
            f"with --compare all models stand behind it, joined by commas without blanks; {options.model!r} "
            f"stands alone"
        )
    wrong = [f"--{name}" for name in ("format", "plugin", "replay") if getattr(options, name) is not None]
    if wrong:
        raise BadInput(
            f"with --compare there is no {', '.join(wrong)}: replies are shown side by side as text"
        )


def _only_of_plugins(options: CellOptions) -> None:
    usual = {each.name: each.default for each in fields(CellOptions)}
    said = {**options.of_call, "replay": options.replay}
    if wrong := [f"--{name}" for name, value in said.items() if value != usual[name]]:
        raise BadInput(f"with --plugin there is no {', '.join(wrong)}: a plugin takes values as name=value")


def _of_tables(options: CellOptions) -> None:
    """Refuse what makes no sense together.

    Raises
    ------
    BadInput
    """
    if options.map is None:
        if wrong := [f"--{name}" for name in _ALONE if getattr(options, name) is not None]:
            raise BadInput(f"{', '.join(wrong)} is for the rows of a table: name it with --map")
        return
    if wrong := [f"--{name.replace('_', '-')}" for name in _NOT_OF_ROWS if getattr(options, name)]:
        instead = _INSTEAD.get(wrong[0], "") if len(wrong) == 1 else ""
        raise BadInput(f"with --map there is no {', '.join(wrong)}{instead}")
