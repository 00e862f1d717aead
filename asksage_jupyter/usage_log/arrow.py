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

# No name. Arrow takes what grows from nothing for another dictionary, which a file may not have two of.
_FIRST = "\0"


_ROWS = 65_536  # of a batch: with fewer a file has too many, with more they take memory


def batches(blocks: Iterable[str]) -> Iterator[pyarrow.RecordBatch]:
    """Blocks of the ledger's columns as record batches, larger ones, whose dictionaries only ever grow."""
    codes: dict[str, dict[str, int]] = {
        name: {member: code for code, member in enumerate(CLOSED.get(name, (_FIRST,)))}
        for name in SCHEMA.of_dtype(CATEGORY)
    }
    arrays: list[list[pyarrow.Array]] = []
    rows = 0
    for block in _ahead(blocks):
        values = zip(ARROW, _columns(block), strict=True)
        arrays.append([_array(field, column, codes.get(field.name)) for field, column in values])
        rows += len(arrays[-1][0])
        if rows >= _ROWS:
            yield _batch(arrays, codes)
            arrays, rows = [], 0
    if rows:
        yield _batch(arrays, codes)


def _ahead(blocks: Iterable[str]) -> Iterator[str]:
    """The same blocks, of which the next is read while one is looked at: neither needs Python's lock."""
    with ThreadPoolExecutor(1, "asksage-reading") as pool:
        following = iter(blocks)
        block = pool.submit(next, following, None)
        while (found := block.result()) is not None:
            block = pool.submit(next, following, None)
            yield found


def _columns(block: str) -> list[pyarrow.Array]:
    text = block.encode()
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1)
    parsing = pyarrow.json.ParseOptions(explicit_schema=_BLOCK)
    found = pyarrow.json.read_json(pyarrow.BufferReader(text), options, parsing)
    return [found[name].chunk(0).flatten() for name in _BLOCK.names]


def _array(field: pyarrow.Field, values: pyarrow.Array, codes: dict[str, int] | None) -> pyarrow.Array:
    if codes is None:
        return values.cast(field.type)
    found = values.dictionary_encode()
    known = [codes.setdefault(name, len(codes)) for name in found.dictionary.to_pylist()]
    return pyarrow.array(known, type=field.type.index_type).take(found.indices)


def _batch(
    arrays: Sequence[Sequence[pyarrow.Array]], codes: Mapping[str, dict[str, int]]
) -> pyarrow.RecordBatch:
    columns = [
        pyarrow.DictionaryArray.from_arrays(
            whole, pyarrow.array(list(codes[field.name]), type=pyarrow.string())
        )
        if field.name in codes
        else whole
        for field, whole in zip(ARROW, map(pyarrow.concat_arrays, zip(*arrays, strict=True)), strict=True)
    ]
    return pyarrow.record_batch(columns, schema=ARROW)


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
        Called after each column, to let go of the memory that mapped files took for it.
    """

    def made(column: Column) -> Any:
        chunks = [chunk for each in tables for chunk in each[column.name].chunks]
        values = _COLUMNS[column.dtype](column.name, chunks)
        release()
        return values

    with ThreadPoolExecutor(2, "asksage-usage") as pool:  # memory is copied without Python's lock
        return pandas.DataFrame(dict(zip(SCHEMA.names, pool.map(made, SCHEMA), strict=True)), copy=False)


def _strings(_name: str, chunks: list[pyarrow.Array]) -> Any:
    return text().__from_arrow__(pyarrow.chunked_array(chunks, type=_TYPES[TEXT]))


def _instants(_name: str, chunks: list[pyarrow.Array]) -> Any:
    values = numpy.concatenate([numpy.empty(0, "int64"), *map(_integers, chunks)])
    return pandas.DatetimeIndex(values.view("datetime64[us]"), tz="UTC")


def _figures(_name: str, chunks: list[pyarrow.Array]) -> Any:
    values = numpy.concatenate([numpy.empty(0, "int64"), *map(_integers, chunks)])
    mask = numpy.zeros(len(values), dtype=bool)
    for start, chunk in _placed(chunks):
        if chunk.null_count:
            mask[start : start + len(chunk)] = chunk.is_null().to_numpy(zero_copy_only=False)
    return pandas.arrays.IntegerArray(values, mask)


def _categories(name: str, chunks: list[pyarrow.Array]) -> Any:
    dictionaries = {_place_of(chunk.dictionary): chunk.dictionary.to_pylist() for chunk in chunks}
    found = categories(name, () if name in CLOSED else _occurring(dictionaries, chunks))
    codes = numpy.empty(sum(map(len, chunks)), dtype=numpy.min_scalar_type(-len(found) - 1))
    # A code that is -1, for what is not known, takes the last place and stays -1.
    mapped = {
        place: numpy.append(found.get_indexer(pandas.Index(names, dtype="str")), -1).astype(codes.dtype)
        for place, names in dictionaries.items()
    }
    for start, chunk in _placed(chunks):
        into = codes[start : start + len(chunk)]
        # "wrap" takes -1 for the last as indexing does, and has no need to look at all codes first.
        numpy.take(mapped[_place_of(chunk.dictionary)], _codes(chunk), out=into, mode="wrap")
    return pandas.Categorical.from_codes(codes, categories=found, validate=False)


_COLUMNS = {CATEGORY: _categories, FIGURE: _figures, INSTANT: _instants, TEXT: _strings}


def _occurring(dictionaries: Mapping[Any, list[str]], chunks: list[pyarrow.Array]) -> Iterator[str]:
    """The names that any row has."""
    seen = {place: numpy.zeros(len(names) + 1, dtype=bool) for place, names in dictionaries.items()}
    for chunk in chunks:
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


def _placed(chunks: list[pyarrow.Array]) -> Iterator[tuple[int, pyarrow.Array]]:
    start = 0
    for chunk in chunks:
        yield start, chunk
        start += len(chunk)
