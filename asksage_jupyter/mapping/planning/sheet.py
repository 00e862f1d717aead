"""The rows of a map as distinct prompts: which rows ask the same, and which ask nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SAMPLED = 5


@dataclass(frozen=True, slots=True)
class Task:
    """One distinct prompt, and the key of its reply."""

    prompt: str
    key: bytes

    def __repr__(self) -> str:
        return f"Task({self.key.hex()[:8]})"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows and the prompts they ask.

    Attributes
    ----------
    tasks : list of Task
        The distinct prompts, in the order of their first rows.
    of_row : list of int or None
        For each row the place of its prompt in `tasks`; None of a row that asks nothing.
    """

    tasks: list[Task]
    of_row: list[int | None]

    @property
    def skipped(self) -> int:
        """How many rows ask nothing."""
        return self.of_row.count(None)

    @property
    def same(self) -> int:
        """How many rows ask what a row before them asks."""
        return len(self.of_row) - self.skipped - len(self.tasks)


def sheet_of(prompts: Iterable[str | None], key: Callable[[str], bytes]) -> Sheet:
    """The sheet of each row's prompt, None of a row that is left out."""
    places: dict[bytes, int] = {}
    tasks: list[Task] = []
    of_row: list[int | None] = []
    for prompt in prompts:
        if prompt is None:
            of_row.append(None)
            continue
        hashed = key(prompt)
        place = places.setdefault(hashed, len(tasks))
        if place == len(tasks):
            tasks.append(Task(prompt, hashed))
        of_row.append(place)
    return Sheet(tasks, of_row)


def sample_of(tasks: Sequence[Task], number: int) -> list[Task]:
    """Some that stand for all: by length from the shortest to the longest; always the same ones."""
    by_length = sorted(tasks, key=lambda task: (len(task.prompt), task.key))
    if number >= len(by_length):
        return list(tasks)
    if number == 1:
        return [by_length[len(by_length) // 2]]
    step = (len(by_length) - 1) / (number - 1)
    return [by_length[round(place * step)] for place in range(number)]
