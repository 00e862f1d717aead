"""Datasets: what there is, a new one, and uploads from files."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..display.page import Page
from ..display.table import Table
from ..errors import BadInput, Refused
from ..prompting import UPLOAD_OPTIONS, option
from ..session import current, given, train
from .command import Command, Told


def _train(
    words: Sequence[str], dataset: str | None, context: str, estimate: bool, again: bool
) -> Iterator[object]:
    if not words or not dataset:
        raise BadInput(f"name the files and the dataset: %asksage {TRAIN.usage}")
    files = [file for word in words for file in _files(word)]
    yield train(files, dataset, context=context, estimate=estimate, again=again)


def _datasets(_: Sequence[str], create: str | None, cui: bool) -> Iterator[object]:
    from ..session.training.datasets import add_dataset

    session = current()
    if create is None:
        if cui:
            raise BadInput("--cui belongs to a new dataset: %asksage datasets --create NAME --cui")
        there = session.asking(lambda service: service.datasets())
        words = Page.of("\n".join(there), Table(("dataset",), [(name,) for name in there]))
        none = "No datasets yet; %asksage datasets --create NAME makes one."
        yield Told(words if there else none, datasets=[{"name": name} for name in there])
        return
    try:
        is_cui = add_dataset(session, create, cui=cui)
    except Refused:  # a notebook that is run again; whether it is for CUI, nobody tells then
        if cui or create.strip() not in session.asking(lambda service: service.datasets()):
            raise
        yield Told(f"The dataset {create} is there already.", datasets=[{"name": create}])
        return
    forced = ': Ask Sage takes each with "cui" in its name for that' if is_cui and not cui else ""
    made = f"The dataset {create} is made{', for CUI' if is_cui else ''}{forced}."
    yield Told(made, datasets=[{"name": create, "is_cui": is_cui}])


def _files(word: str) -> list[Path]:
    """The file, or those that match; what is wrong with one of them is told when it is read."""
    path = given.path(word, "FILE")
    if path.exists() or not any(sign in word for sign in "*?["):
        return [path]
    # pathlib has no glob of a whole pattern that may be absolute.
    found = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
    if files := [match for match in found if not match.is_dir()]:
        return files
    what = "only directories match" if found else "no file matches"
    raise BadInput(f"{what} {word}: nothing was uploaded")


TRAIN = Command(
    "train",
    "PATH... --dataset NAME [options]",
    "upload files to a dataset, debited from the training meter",
    _train,
    (
        option("-d", "--dataset", metavar="NAME", help="where the files go; %%asksage datasets lists them"),
        *UPLOAD_OPTIONS,
    ),
    words=None,
)
DATASETS = Command(
    "datasets",
    "[--create NAME [--cui]]",
    "the datasets there are, or a new one",
    _datasets,
    (
        option("--create", metavar="NAME", help="make a new, empty dataset"),
        option("--cui", action="store_true", help="it is for Controlled Unclassified Information"),
    ),
)
