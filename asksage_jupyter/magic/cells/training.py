"""``%%asksage_train``: the text of a cell into a dataset."""

from __future__ import annotations

from ...commands import wants_help
from ...errors import BadInput
from ...prompting import read_training, training_parser
from ...session import train
from ..showing import show


def run(line: str, body: str) -> None:
    """Do what a training cell says; the receipt is shown.

    Raises
    ------
    AskSageError
        As of `asksage_jupyter.train`.
    """
    from ...account import Source
    from ...session.training.trained import Training

    if wants_help(line):
        show.tell(training_parser().describe())
        return
    dataset, options = read_training(line)
    text = body.strip("\n")
    if not text.strip():
        raise BadInput("the cell is empty: write the text below the %%asksage_train line")
    # In a list, so that a text of one line is never taken for the name of a file.
    trained, told = train([text], dataset, **options), None
    if isinstance(trained, Training):
        is_told = set(trained.sources) <= {Source.BILLED, Source.LOG}
        told = show.bill(trained.tokens, unit="training tokens", held=trained.held, is_told=is_told)
    show.present(trained, told)
