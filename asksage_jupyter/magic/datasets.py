"""Datasets: what there is, a new one, and uploads from files or a cell."""

from __future__ import annotations

import glob
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..session import current, train
from ..session.datasets import add_dataset
from . import show
from .parser import Parser

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

LINE = "train PATH... --dataset NAME [options]"
CELL = "%%asksage_train NAME [options]"


@cache
def train_parser() -> Parser:
    """The parser of ``%asksage train``."""
    parser = Parser(f"%asksage {LINE}")
    parser.add_argument(
        "-d", "--dataset", metavar="NAME", help="where the files go; %%asksage datasets lists them"
    )
    return _with_options(parser)


@cache
def cell_parser() -> Parser:
    """The parser of ``%%asksage_train``."""
    return _with_options(Parser(f"{CELL}\n       the text, on the lines below, as it is"))


@cache
def datasets_parser() -> Parser:
    """The parser of ``%asksage datasets``."""
    parser = Parser("%asksage datasets [--create NAME [--cui]]")
    parser.add_argument("--create", metavar="NAME", help="make a new, empty dataset")
    parser.add_argument("--cui", action="store_true", help="it is for Controlled Unclassified Information")
    return parser


def _with_options(parser: Parser) -> Parser:
    parser.add_argument(
        "--context", default="", metavar="TEXT", help="where it comes from, in quotes; it is not billed"
    )
    parser.add_argument("--estimate", action="store_true", help="say what it would cost, and upload nothing")
    parser.add_argument(
        "--again",
        action="store_true",
        help="upload also what was uploaded before, if the dataset was emptied",
    )
    return parser


def _of(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("context", "estimate", "again")}


def train_files(shell: InteractiveShell, rest: str) -> None:
    """Do what ``%asksage train`` says; the receipt is shown.

    Raises
    ------
    AskSageError
        As of `asksage_jupyter.train`.
    """
    options, words = train_parser().read(rest)
    if not words or not options["dataset"]:
        raise BadInput(f"name the files and the dataset: %asksage {LINE}")
    files = [file for word in words for file in _files(word)]
    show.present(train(files, options["dataset"], **_of(options)))


def train_cell(line: str, body: str) -> None:
    """Do what a ``%%asksage_train`` cell says; the receipt is shown.

    Raises
    ------
    AskSageError
        As of `asksage_jupyter.train`.
    """
    options, words = cell_parser().read(line)
    if len(words) != 1:
        raise BadInput(f"one dataset is named on the line: {CELL}")
    text = body.strip("\n")
    if not text.strip():
        raise BadInput("the cell is empty: write the text below the %%asksage_train line")
    # In a list, so that a text of one line is never taken for the name of a file.
    show.present(train([text], words[0], **_of(options)))


def datasets(shell: InteractiveShell, rest: str) -> None:
    """List the datasets, or make one."""
    options, words = datasets_parser().read(rest)
    if words:
        raise BadInput(f"%asksage datasets takes options only, not {words[0]!r}: --create NAME makes one")
    session, name = current(), options["create"]
    if name is None:
        if options["cui"]:
            raise BadInput("--cui belongs to a new dataset: %asksage datasets --create NAME --cui")
        there = session.asking(lambda service: service.datasets())
        show.tell("\n".join(there) or "no datasets; %asksage datasets --create NAME makes one")
        return
    is_cui = add_dataset(session, name, cui=options["cui"])
    forced = ': Ask Sage takes each with "cui" in its name for that' if is_cui and not options["cui"] else ""
    show.tell(f"The dataset {name} is made{', for CUI' if is_cui else ''}{forced}.")


def _files(word: str) -> list[Path]:
    """The file, or those that match; what is wrong with one of them is told when it is read."""
    path = Path(word).expanduser()
    if path.exists() or not any(sign in word for sign in "*?["):
        return [path]
    # pathlib has no glob of a whole pattern that may be absolute.
    found = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
    if files := [match for match in found if not match.is_dir()]:
        return files
    what = "only directories match" if found else "no file matches"
    raise BadInput(f"{what} {word}: nothing was uploaded")
