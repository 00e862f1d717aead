"""The usage log in Arrow's columns: how it is sealed, and how a frame is made of seals without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
import pandas
import pyarrow
import pyarrow.compute
import pyarrow.json

from .frame import CLOSED, categories, text
from .schema import CATEGORY, FIGURE, INSTANT, LISTED, SCHEMA, TEXT, Column

_TYPES = {
    CATEGORY: pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    FIGURE: pyarrow.int64(),
    INSTANT: pyarrow.timestamp("us", "UTC"),
    TEXT: pyarrow.large_string(),  # what pandas keeps strings in: these are mapped, never copied
}
_CLOSED = pyarrow.dictionary(pyarrow.int8(), pyarrow.string())
ARROW = pyarrow.schema(
    [(column.name, _CLOSED if column.name in CLOSED else _TYPES[column.dtype]) for column in LISTED]
)

# A block as JSON is one row, of which each column is a list.
_BLOCK = pyarrow.schema([
    (column.name, pyarrow.list_(pyarrow.int64() if column.dtype in (FIGURE, INSTANT) else pyarrow.string()))
    for column in LISTED
])  # fmt: skip

_OFTEN = 16  # chunks between two releases

# No name. Arrow takes what grows from nothing for another dictionary, which a file may not have two of.
_FIRST = "\0"


def batches(blocks: Iterable[str]) -> Iterator[pyarrow.RecordBatch]:
    """Blocks of the ledger's columns as record batches in order, whose dictionaries only ever grow."""
    names = {
        name: pyarrow.array(CLOSED.get(name, (_FIRST,)), pyarrow.string())
        for name in SCHEMA.of_dtype(CATEGORY)
    }
    for block in _ahead(blocks):
        columns = _in_order(_columns(block))
        for name in names:
            columns[name], names[name] = _coded(columns[name], names[name], ARROW.field(name).type)
        if columns["op"]:
            yield pyarrow.record_batch([columns[each.name].cast(each.type) for each in ARROW], schema=ARROW)


def _ahead(blocks: Iterable[str]) -> Iterator[str]:
    """The same blocks, of which the next is read while one is looked at: neither needs Python's lock."""
    with ThreadPoolExecutor(1, "asksage-reading") as pool:
        following = iter(blocks)
        block = pool.submit(next, following, None)
        while (found := block.result()) is not None:
            block = pool.submit(next, following, None)
            yield found


def _columns(block: str) -> dict[str, pyarrow.Array]:
    text = block.encode()
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1)
    parsing = pyarrow.json.ParseOptions(explicit_schema=_BLOCK)
    found = pyarrow.json.read_json(pyarrow.BufferReader(text), options, parsing)
    return {name: found[name].chunk(0).flatten() for name in _BLOCK.names}


def _in_order(columns: dict[str, pyarrow.Array]) -> dict[str, pyarrow.Array]:
    """The same in the order they were sent, as they mostly are."""
    if (numpy.diff(_integers(columns["sent_at"])) > 0).all():
        return columns
    sent = pyarrow.table({name: columns[name] for name in ("sent_at", "op")})
    order = pyarrow.compute.sort_indices(sent, [("sent_at", "ascending"), ("op", "ascending")])
    return {name: column.take(order) for name, column in columns.items()}


def _coded(
    values: pyarrow.Array, names: pyarrow.Array, dtype: pyarrow.DictionaryType
) -> tuple[pyarrow.DictionaryArray, pyarrow.Array]:
    """The values as codes of names, and the names, with new ones behind those there were."""
    found = values.dictionary_encode()
    is_new = pyarrow.compute.index_in(found.dictionary, value_set=names).is_null()
    names = pyarrow.concat_arrays([names, found.dictionary.filter(is_new)])
    codes = pyarrow.compute.index_in(found.dictionary, value_set=names).cast(dtype.index_type)
    return pyarrow.DictionaryArray.from_arrays(codes.take(found.indices), names), names


def table(blocks: Iterable[str]) -> pyarrow.Table:
    """Blocks of the ledger's columns as a table."""
    return pyarrow.Table.from_batches(batches(blocks), schema=ARROW)


def between(calls: pyarrow.Table, since: int | None, until: int | None) -> pyarrow.Table:
    """The rows sent within the bounds, of a table in the order they were sent."""
    sent = numpy.concatenate([numpy.empty(0, "int64"), *map(_integers, calls["sent_at"].chunks)])
    first = 0 if since is None else int(numpy.searchsorted(sent, since))
    last = len(sent) if until is None else int(numpy.searchsorted(sent, until))
    return calls.slice(first, max(0, last - first))


def of_meter(calls: pyarrow.Table, meter: str) -> pyarrow.Table:
    """The rows of one meter; nothing is copied where they are all of it."""
    wanted = pyarrow.compute.equal(calls["meter"].cast(pyarrow.string()), meter)
    return calls if pyarrow.compute.all(wanted).as_py() else calls.filter(wanted)


def frame(tables: Sequence[pyarrow.Table], release: Callable[[], None] = lambda: None) -> pandas.DataFrame:
    """One DataFrame of all the tables' rows, as `frame.frame` makes it of rows.

    Ids stay where the tables have them, in mapped files; all else is copied, so that it can be changed.

    Parameters
    ----------
    release : callable
        Called now and then, to let go of the memory that mapped files took.
    """

    def made(column: Column) -> Any:
        chunks = [chunk for each in tables for chunk in each[column.name].chunks]
        values = _COLUMNS[column.dtype](column.name, _Chunks(chunks, release))
        release()
        return values

    # What is largest comes first, before much else is there: a file is in memory with what is made of it.
    columns = sorted(SCHEMA, key=lambda column: (column.dtype == CATEGORY, column.name in CLOSED))
    with ThreadPoolExecutor(2, "asksage-usage") as pool:  # memory is copied without Python's lock
        values = dict(zip((column.name for column in columns), pool.map(made, columns), strict=True))
    return pandas.DataFrame({name: values[name] for name in SCHEMA.names}, copy=False)


class _Chunks:
    """A column's chunks, as long as all together."""

    def __init__(self, chunks: list[Any], release: Callable[[], None]) -> None:
        self.chunks, self._release = chunks, release

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    def placed(self) -> Iterator[tuple[slice, Any]]:
        """Each with the rows it has, while the memory of those before is let go of."""
        start = 0
        for number, chunk in enumerate(self.chunks, 1):
            yield slice(start, start + len(chunk)), chunk
            start += len(chunk)
            if number % _OFTEN == 0:
                self._release()

    def integers(self) -> Any:
        values = numpy.empty(len(self), "int64")
        for rows, chunk in self.placed():
            values[rows] = _integers(chunk)
        return values


def _strings(_name: str, column: _Chunks) -> Any:
    return text().__from_arrow__(pyarrow.chunked_array(column.chunks, type=_TYPES[TEXT]))


def _instants(_name: str, column: _Chunks) -> Any:
    return pandas.DatetimeIndex(column.integers().view("datetime64[us]"), tz="UTC")


def _figures(_name: str, column: _Chunks) -> Any:
    mask = numpy.zeros(len(column), dtype=bool)
    for rows, chunk in column.placed():
        if chunk.null_count:
            mask[rows] = chunk.is_null().to_numpy(zero_copy_only=False)
    return pandas.arrays.IntegerArray(column.integers(), mask)


def _categories(name: str, column: _Chunks) -> Any:
    distinct = {_place_of(chunk.dictionary): chunk.dictionary for chunk in column.chunks}
    dictionaries = {place: dictionary.to_pylist() for place, dictionary in distinct.items()}
    found = categories(name, () if name in CLOSED else _occurring(dictionaries, column))
    codes = numpy.empty(len(column), dtype=numpy.min_scalar_type(-len(found) - 1))
    # A code that is -1, for what is not known, takes the last place and stays -1.
    mapped = {
        place: numpy.append(found.get_indexer(pandas.Index(names, dtype="str")), -1).astype(codes.dtype)
        for place, names in dictionaries.items()
    }
    for rows, chunk in column.placed():
        # "wrap" takes -1 for the last as indexing does, and has no need to look at all codes first.
        numpy.take(mapped[_place_of(chunk.dictionary)], _codes(chunk), out=codes[rows], mode="wrap")
    return pandas.Categorical.from_codes(codes, categories=found, validate=False)


_COLUMNS = {CATEGORY: _categories, FIGURE: _figures, INSTANT: _instants, TEXT: _strings}


def _occurring(dictionaries: Mapping[Any, list[str]], column: _Chunks) -> Iterator[str]:
    """The names that any row has."""
    seen = {place: numpy.zeros(len(names) + 1, dtype=bool) for place, names in dictionaries.items()}
    for _, chunk in column.placed():
        occurs = seen[_place_of(chunk.dictionary)]
        if not occurs[1:-1].all():  # the first is none, the last is for what is not known
            occurs[_codes(chunk)] = True
    for place, names in dictionaries.items():
        for code in numpy.flatnonzero(seen[place][:-1]):
            yield names[code]


def _place_of(dictionary: pyarrow.Array) -> tuple[int, int]:
    """Tells dictionaries apart: the batches of a file share theirs, and reading one out takes time."""
    data = dictionary.buffers()[-1]
    return (data.address if data is not None else 0), len(dictionary)


def _codes(chunk: pyarrow.DictionaryArray) -> Any:
    indices = chunk.indices
    return (indices.fill_null(-1) if indices.null_count else indices).to_numpy(zero_copy_only=False)


def _integers(chunk: pyarrow.Array) -> Any:
    """The values as they lie in memory, without a copy; anything where they are not known."""
    if not len(chunk):
        return numpy.empty(0, "int64")
    return numpy.frombuffer(chunk.buffers()[1], dtype="int64", count=len(chunk), offset=8 * chunk.offset)
