"""What each column of the usage log holds; the one list that documents, checks and labels it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..display.table import Table, Tabular
from ..ledger import CALL_COLUMNS

CATEGORY, FIGURE, INSTANT, TEXT = "category", "Int64", "datetime64[us, UTC]", "string"
_ASK_SAGE, _MODEL = "Ask Sage tokens", "model tokens"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the usage log.

    Attributes
    ----------
    name : str
    dtype : str
        As pandas writes it.
    unit : str
        Empty for a name.
    meaning : str
    """

    name: str
    dtype: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, repr=False)
class Schema(Tabular):
    """The columns in their order; shows itself as a table.

    Attributes
    ----------
    columns : tuple of Column
    """

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, name: str) -> Column:
        """The column called `name`.

        Raises
        ------
        KeyError
            There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)

    def of_dtype(self, dtype: str) -> tuple[str, ...]:
        """The names of the columns that have this dtype."""
        return tuple(column.name for column in self.columns if column.dtype == dtype)

    @property
    def table(self) -> Table:
        """As it is shown."""
        rows = [(column.name, column.dtype, column.unit, column.meaning) for column in self.columns]
        return Table(("column", "dtype", "unit", "meaning"), rows, sides="l")


# What a person looks for comes first, ids last.
SCHEMA = Schema((
    Column("sent_at", INSTANT, "UTC, microseconds", "when the call was sent"),
    Column("model", CATEGORY, "", "the model that answered"),
    Column("notebook", CATEGORY, "", "the notebook, where the front end tells it"),
    Column("cell", CATEGORY, "", "the id of its cell"),
    Column("tokens", FIGURE, _ASK_SAGE, "what was debited"),
    Column("estimate", FIGURE, _ASK_SAGE, "what was expected before it was sent"),
    Column("source", CATEGORY, "", "where tokens comes from: billed, log, priced, catalog or presumed"),
    Column("status", CATEGORY, "", "ok, or lost where the reply did not arrive whole"),
    Column("meter", CATEGORY, "", "inference or training"),
    Column("project", CATEGORY, "", "the project it was booked under"),
    Column("tags", CATEGORY, "", 'its billing codes, as JSON: {"wbs": "1234.5"}'),
    Column("job", CATEGORY, "", "the job over many rows that it belongs to"),
    Column("client", CATEGORY, "", "the program that asked through the endpoint"),
    Column("user", CATEGORY, "", "who ran the cell"),
    Column("input_tokens", FIGURE, _MODEL, "what the model read, where the service told"),
    Column("output_tokens", FIGURE, _MODEL, "what the model wrote, where the service told"),
    Column("duration_ms", FIGURE, "milliseconds", "from sending to the end of the reply"),
    Column("request_id", TEXT, "", "the service's own id of the call"),
    Column("op", TEXT, "", "the call's own id; as text it sorts by time"),
))  # fmt: skip

# The same columns as the ledger lists them, and as months are sealed.
LISTED = tuple(map(SCHEMA.__getitem__, CALL_COLUMNS))

HOLDER = Column("holder", CATEGORY, "", "whose tokens they were; only with all_holders")
