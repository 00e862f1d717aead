"""Counts against tiktoken's own, however the text is cut; no network at all."""

import base64
import hashlib
import re
import socket
import subprocess
import sys
import threading
import tracemalloc
import unicodedata
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import SimpleNamespace

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from asksage_jupyter import tokens
from asksage_jupyter.errors import BadInput, ConfigurationError
from asksage_jupyter.tokens import counting, cuts, encodings, fast, pieces, recurring, threads

# What tiktoken_ext/openai_public.py (tiktoken 0.14) expects of the files it downloads.
EXPECTED_SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
each_encoding = pytest.mark.parametrize("name", tokens.ENCODINGS)

# Text made of what the patterns tell apart: every class, in runs, next to every other.
ATOMS = [
    *(" ", "  ", "\t", "\n", "\r\n", "\n\n", " \n", "\u00a0", "\u3000", "\x0b", "\x1c", "\x85", "\u2028"),
    *(
        "a",
        "Z",
        "word",
        "WORD",
        "camelCase",
        "é",
        "À",
        "ª",
        "µ",
        "×",
        "e\u0301",
        "ß",
        "ſ",
        "\u0301",
        "ǅ",
        "ʰ",
        "K",
    ),
    *(
        "'s",
        "'S",
        "'ſ",
        "'ll",
        "'",
        "don't",
        "’s",
        "/",
        "//",
        "\n/",
        "!\n",
        "=",
        "==",
        "-",
        "_",
        "\\",
        "\x00",
    ),
    *(
        "1",
        "12",
        "1234",
        "½",
        "²",
        "٣",
        "一",
        "十",
        "中文",
        "日本語",
        "の",
        "ー",
        "한국",
        "ไทย",
        "हिन्दी",
        "שלום",
    ),
    *(
        "，",
        "。",
        "「",
        "😀",
        "👩‍👩‍👧",
        "🇩🇪",
        "\u200d",
        "\ufeff",
        "\U0001f9ff",
        "\ue000",
        "<|endoftext|>",
        "<|fim_prefix|>",
    ),
]
mixed = st.lists(st.one_of(st.sampled_from(ATOMS), st.text(max_size=3)), max_size=60).map("".join)
runs = st.lists(st.tuples(st.sampled_from(ATOMS), st.integers(1, 40)), max_size=8).map(
    lambda parts: "".join(atom * n for atom, n in parts)
)


chinese = st.text(
    st.one_of(
        st.sampled_from("据中国人有我的数除回取拀拿名录aZéのしー가 。，1"),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FCC),
    )
)


def unlike(lines):
    """A text none of whose lines or last words comes twice, whatever stands for a digit."""
    letters = str.maketrans("0123456789", "ghijklmnop")
    return "".join(f"a rare\tword, {n:x}\n".translate(letters) for n in range(lines))


def table(lines):
    return "".join(
        f'2026-11-{n % 31:02},"Größe {n % 8}, 大きさ",{n * n % 977 / 8:.3f},don\'t\n' for n in range(lines)
    )


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@cache
def tiktokens_own(name):
    """The encoding as tiktoken makes it of the files it would download."""
    from tiktoken_ext import openai_public

    def instead_of_a_download(_url, expected_hash):
        assert expected_hash == EXPECTED_SHA256[name]
        return encodings.ranks(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_public, "load_tiktoken_bpe", instead_of_a_download)
        return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]())


def by_tiktoken(text, name):
    return len(tiktokens_own(name).encode_ordinary(text))


@each_encoding
def test_the_packed_ranks_are_tiktokens_own_files(name):
    ranks = encodings.ranks(name)
    original = b"".join(b"%b %d\n" % (base64.b64encode(token), rank) for token, rank in ranks.items())
    assert hashlib.sha256(original).hexdigest() == EXPECTED_SHA256[name]


@each_encoding
@given(
    text=st.one_of(mixed, runs, chinese, st.text(), st.lists(st.sampled_from(ATOMS), max_size=3).map("".join))
)
@settings(max_examples=500)
def test_our_pattern_makes_the_tokens_of_the_installed_tiktoken(name, text):
    assert encodings.encoding(name).encode_ordinary(text) == tiktokens_own(name).encode_ordinary(text)


def test_no_token_of_cl100k_joins_a_chinese_character_to_a_letter_unless_the_pattern_knows():
    joined = {
        token[at : at + 3]
        for token in encodings.ranks("cl100k_base")
        for at in range(1, len(token))
        if 0xE4 <= token[at] <= 0xE9 and may_end_a_letter(token[:at])
    }
    characters = map(chr, range(0x4E00, 0x9FCD))
    may_be_joined = [each for each in characters if any(each.encode().startswith(start) for start in joined)]
    assert may_be_joined == re.findall(f"[{encodings._JOINED}]", "".join(map(chr, range(0x4E00, 0x9FCD))))


def may_end_a_letter(utf8):
    last = next((utf8[at:] for at in range(len(utf8) - 1, -1, -1) if utf8[at] & 0xC0 != 0x80), None)
    return last is None or unicodedata.category(last.decode())[0] in "LMC"  # C: unassigned so far


def test_known_texts_have_their_known_tokens():
    # From tiktoken's own tests and its documentation.
    assert encodings.encoding("cl100k_base").encode_ordinary("hello world") == [15339, 1917]
    assert encodings.encoding("o200k_base").encode_ordinary("hello world") == [24912, 2375]
    assert tokens.count("antidisestablishmentarianism") == 6
    assert tokens.count("お誕生日おめでとう") == 9
    assert tokens.count("") == 0


@each_encoding
@given(text=st.one_of(mixed, runs), chunk=st.integers(1, 30))
@settings(max_examples=200)
def test_a_count_does_not_depend_on_where_the_text_is_cut(name, text, chunk):
    expected = by_tiktoken(text, name)
    assert sum(by_tiktoken(part, name) for part in cuts.chunks([text], 1)) == expected
    blocks = [text[at : at + chunk] for at in range(0, len(text), chunk)]
    parts = list(cuts.chunks(blocks, chunk))
    assert "".join(parts) == text
    assert sum(by_tiktoken(part, name) for part in parts) == expected


@each_encoding
@given(text=mixed)
@settings(max_examples=150)
def test_every_cut_is_exact(name, text):
    """Not only the cuts that `chunks` would choose."""
    expected = by_tiktoken(text, name)
    for cut in cuts._cut().finditer(text):
        at = cut.start()
        assert by_tiktoken(text[:at], name) + by_tiktoken(text[at:], name) == expected, (text[:at], text[at:])


@each_encoding
@given(text=st.one_of(mixed, runs, st.text(), st.lists(st.sampled_from(ATOMS), max_size=3).map("".join)))
@settings(max_examples=400)
def test_lines_count_wherever_they_stand(name, text):
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    lines = recurring.lines(text)
    assert "".join(lines) == text
    assert sum(by_tiktoken(line, name) for line in lines) == by_tiktoken(text, name), lines


@each_encoding
def test_a_digit_stands_in_no_token_but_numbers_of_up_to_three(name):
    """So that any digit counts as any other."""
    found = {token for token in encodings.ranks(name) if any(byte in b"0123456789" for byte in token)}
    assert found == {b"%0*d" % (width, n) for width in (1, 2, 3) for n in range(10**width)}


@each_encoding
@given(text=mixed, digits=st.permutations("0123456789"))
def test_any_digit_counts_as_any_other(name, text, digits):
    others = text.translate(str.maketrans("0123456789", "".join(digits)))
    assert tokens.count(text, name) == tokens.count(others, name) == by_tiktoken(text, name)


def test_the_last_cut_is_found_however_far_from_the_end():
    for length in (1, cuts._STEP - 1, cuts._STEP, cuts._STEP + 1, 5 * cuts._STEP):
        assert cuts.last_cut("a b c" + "d" * length) == 3
    assert cuts.last_cut("a" * 5 * cuts._STEP) == -1
    assert cuts.last_cut("") == -1


@each_encoding
@given(
    text=st.lists(
        st.one_of(st.tuples(st.sampled_from(ATOMS), st.integers(1, 300)), st.tuples(chinese, st.just(1))),
        min_size=1,
        max_size=4,
    ).map(lambda parts: "".join(atom * n for atom, n in parts)),
    window=st.integers(128, 200),
)
@settings(max_examples=200)
def test_counting_by_pieces_equals_tiktoken_for_any_window(name, text, window):
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert pieces.count_by_pieces(text, name, window=window) == by_tiktoken(text, name)


@each_encoding
@given(
    unit=st.one_of(
        st.text("abcdefACGT", min_size=1, max_size=9), st.text("=-/*. \t\n", min_size=1, max_size=5)
    ),
    times=st.integers(1, 400),
    window=st.integers(128, 300),
)
@settings(max_examples=150)
def test_long_runs_are_merged_window_by_window(name, unit, times, window):
    text = unit * times
    assert pieces.count_by_pieces(text, name, window=window) == by_tiktoken(text, name)


@each_encoding
def test_a_piece_that_is_a_token_is_that_token_though_merging_would_not_arrive_at_it(name):
    for text in ("//" + "=" * 48, " " + "/" * 18, "=" * 300 + "//" + "=" * 48):
        for before in ("", "x "):
            whole = by_tiktoken(before + text, name)
            assert pieces.count_by_pieces(before + text, name, window=128) == whole


@pytest.mark.long
@each_encoding
@pytest.mark.parametrize(
    "unit", ["A", "ACGT", "=", "中", "é", "😀", "\n", "0", "'a", "हि", "-=", " \n", "a "]
)
def test_a_wall_of_one_thing_counts_as_tiktoken_counts_it(name, unit):
    text = unit * (300_000 // len(unit))
    assert tokens.count(text, name) == by_tiktoken(text, name)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "blank"),
    [("cl100k_base", " "), ("o200k_base", " "), ("cl100k_base", "\t"), ("o200k_base", "\u00a0")],
)
def test_millions_of_blanks_do_not_make_tiktoken_panic(name, blank):
    """Their count grows with their number as that of runs tiktoken can count itself."""
    short, step = 200_000, 128 * 1_000
    per_step = by_tiktoken(blank * (short + step) + "x", name) - by_tiktoken(blank * short + "x", name)
    expected = by_tiktoken(f"{blank * short}x", name) + 7 * per_step
    assert tokens.count(blank * (short + 7 * step) + "x", name) == expected
    assert tokens.count("\n" + blank * (short + 7 * step) + "x", name) == by_tiktoken(
        f"\n{blank * short}x", name
    ) + (7 * per_step)


@given(data=st.binary(max_size=200), chunk=st.integers(1, 9))
def test_any_bytes_count_as_their_replacement_text(data, chunk):
    expected = tokens.count(data.decode("utf-8", "replace"))
    assert tokens.count(data) == expected
    assert tokens.count(data, chunk=chunk) == expected


@each_encoding
@given(text=st.text(st.characters(categories=["Cs", "L", "Zs", "P"]), max_size=40), chunk=st.integers(1, 9))
def test_surrogates_count_as_tiktoken_counts_them(name, text, chunk):
    assert tokens.count(text, name) == by_tiktoken(text, name)
    assert tokens.count(text, name, chunk=chunk) == by_tiktoken(text, name)


def test_halves_of_a_surrogate_pair_are_never_parted():
    text = "\ud83d\ude00" * 5 + "\ud83d"
    for chunk in range(1, 12):
        assert tokens.count(text, chunk=chunk) == tokens.count("😀" * 5 + "\ufffd")


def test_special_tokens_in_text_are_text():
    assert tokens.count("<|endoftext|>") == 7


@given(text=mixed, chunk=st.integers(1, 64))
@settings(max_examples=50)
def test_a_file_counts_as_its_text(tmp_path_factory, text, chunk):
    path = tmp_path_factory.mktemp("files") / "text"
    path.write_bytes(text.encode(errors="replace"))
    assert tokens.count_file(path, chunk=chunk) == tokens.count(text.encode(errors="replace"))


@pytest.mark.long
def test_a_large_file_is_counted_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 1)  # an encoding is not what is measured
    line = '2026-11-23T09:36:01Z,sensor-17,23.481,"Größe, 大きさ",don\'t\n'
    path = tmp_path / "rows.csv"
    path.write_text(line * 40_000)  # about 2.5 MB
    one, expected = tokens.count(line), tokens.count_file(path)
    assert expected == one * 40_000
    tracemalloc.start()
    try:
        assert tokens.count_file(path, chunk=1 << 12) == expected
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.fixture
def encoded(monkeypatch):
    """The texts that tiktoken was given, whichever encoding it was."""
    given = []

    class Encoding(tiktoken.Encoding):
        def encode_ordinary(self, text):
            given.append(text)
            return super().encode_ordinary(text)

        def encode(self, text, **options):
            given.append(text)
            return super().encode(text, **options)

    for name in tokens.ENCODINGS:
        tiktokens_own(name)
    monkeypatch.setattr(encodings, "_built", {})
    monkeypatch.setattr(tiktoken, "Encoding", Encoding)
    return given


@each_encoding
def test_the_lines_of_a_table_are_encoded_once(encoded, name):
    text = table(30_000)
    assert tokens.count(text, name, chunk=1 << 14) == by_tiktoken(text, name)
    assert sum(map(len, encoded)) < len(text) / 20


def test_what_is_known_is_forgotten_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(recurring, "_MOST", 10_000)
    known = recurring._Known(len)
    assert sum(map(known.__getitem__, recurring.lines(unlike(5_000)))) == len(unlike(5_000))
    assert sum(len(line) + recurring._OWN for line in known) <= 10_000
    assert recurring.count_while_lines_recur(iter(texts := [unlike(9)] * 3), len) == sum(map(len, texts))


def test_lines_are_looked_for_until_most_are_new():
    texts = iter([*["one line\n" * 9] * 20, *unlike(100).splitlines()])
    assert recurring.count_while_lines_recur(texts, lambda _: 1) < 20 * 9 + 10
    assert 80 < len([*texts]) < 99


def test_threads_build_an_encoding_once_and_agree(monkeypatch):
    text = "the same text " * 100
    expected = by_tiktoken(text, "cl100k_base")
    monkeypatch.setattr(encodings, "_built", {})
    built = []

    class Encoding(tiktoken.Encoding):
        def __init__(self, *args, **kwargs):
            built.append(1)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(tiktoken, "Encoding", Encoding)
    with ThreadPoolExecutor(8) as pool:
        counts = set(pool.map(lambda _: tokens.count(text), range(32)))
    assert counts == {expected}
    assert built == [1]


@pytest.fixture
def helpers(monkeypatch):
    """Two others help, and gigatoken is not there."""
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 3)
    monkeypatch.setitem(sys.modules, "gigatoken.gigatoken_rs", None)
    monkeypatch.setattr(fast, "_loaded", {})


def test_three_work_at_once_and_their_results_keep_the_order(helpers):
    met = threading.Barrier(3)

    def work(part):
        if part < 3:
            met.wait(60)
        return part, threading.get_ident()

    results = threads.spread(work, iter(range(99)))
    assert [part for part, _ in results] == [*range(99)]
    assert len({thread for _, thread in results[:3]}) == 3


@each_encoding
def test_helpers_count_together_as_tiktoken_does(helpers, name):
    text = unlike(20_000) + table(1_000)
    assert tokens.count(text, name, chunk=1 << 10) == by_tiktoken(text, name)


def test_an_interrupt_ends_the_helpers_work_too(helpers, tmp_path):
    path = tmp_path / "endless"
    path.write_text(unlike(100_000))
    read = 0

    def interrupt(size):
        nonlocal read
        read += size
        if threading.current_thread() is threading.main_thread() and read > 4 << 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tokens.count_file(path, chunk=1 << 10, advance=interrupt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("asksage-count")]


def test_what_cannot_be_read_to_its_end_is_not_counted(helpers, monkeypatch, tmp_path):
    def fail(size):
        if threading.current_thread() is not threading.main_thread():
            raise OSError("the disk is gone")

    path = tmp_path / "text"
    path.write_text(unlike(100_000))
    with pytest.raises(BadInput, match="the disk is gone"):
        tokens.count_file(path, chunk=1 << 10, advance=fail)


def test_each_block_of_a_file_is_told_when_it_is_read(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"word " * 1_000)
    told = []
    tokens.count_file(path, chunk=2_000, advance=told.append)
    assert told == [2_000, 2_000, 1_000]


@each_encoding
@given(
    texts=st.lists(st.one_of(mixed, st.text(st.characters(categories=["Cs", "L"]), max_size=9)), max_size=30),
    batch=st.sampled_from([1, 9, 99, 1 << 17]),
)
@settings(max_examples=150)
def test_many_texts_count_as_one_by_one(name, texts, batch):
    texts += [*texts[:3] * 9, ""]
    expected = [by_tiktoken(text, name) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_CHUNK", batch)
        assert tokens.count_each(texts, name) == expected


@pytest.mark.parametrize("odd", [[], ["\0", "\0a"], ["\ud83d", "\ude00"], ["=" * 300_000]])
def test_many_distinct_texts_are_encoded_a_batch_at_once(encoded, odd):
    texts = [*unlike(20_000).splitlines(), "", *odd]
    expected = [by_tiktoken(text, "cl100k_base") for text in texts]
    encoded.clear()
    assert tokens.count_each(texts) == expected
    assert len(encoded) < 6_000


def test_equal_texts_are_counted_once(encoded):
    assert tokens.count_each(f"row {n % 10}" for n in range(1_000)) == [3] * 1_000
    assert sorted(encoded) == [f"row {n}" for n in range(10)]


def test_texts_that_differ_in_digits_only_are_counted_once(encoded):
    texts = ["\udc00", *(f"{n} of sensor {n % 20}" for n in range(1_000)), ""]
    expected = [by_tiktoken(text, "cl100k_base") for text in texts]
    encoded.clear()
    assert tokens.count_each(texts) == expected
    assert len(encoded) < 10
    assert tokens.count_each([*texts, "\0 1"] * 2) == [*expected, tokens.count("\0 1")] * 2


@pytest.fixture
def gigatoken(monkeypatch):
    monkeypatch.setattr(fast, "_loaded", {})
    return pytest.importorskip("gigatoken.gigatoken_rs")


@each_encoding
@given(text=st.one_of(mixed, runs))
@settings(max_examples=150)
def test_gigatoken_tokenizes_as_tiktoken(name, text):
    pytest.importorskip("gigatoken.gigatoken_rs")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    encode = fast.faster(name, text, by_tiktoken(text, name))
    assert encode is not None
    assert [*encode(text)] == encodings.encoding(name).encode_ordinary(text)


@each_encoding
def test_a_large_text_is_counted_with_gigatoken_where_it_is_installed(gigatoken, monkeypatch, name):
    monkeypatch.setattr(counting, "spread", None)  # what would be called without it
    text = unlike(20_000) + table(1_000)
    assert tokens.count(text, name, chunk=1 << 10) == by_tiktoken(text, name)


@pytest.mark.parametrize("differs", ["on the sample", "later", "cannot be used"])
def test_a_gigatoken_that_differs_is_told_of_once_and_not_believed(gigatoken, monkeypatch, differs):
    class Backend:
        @staticmethod
        def from_tiktoken(path, pattern):
            if differs == "cannot be used":
                raise TypeError("another interface")
            return Backend()

        def encode(self, text):
            right = encodings.encoding("cl100k_base").encode_ordinary(text)
            return right[1:] if differs == "on the sample" or "rare" in text else right

    monkeypatch.setattr(gigatoken, "BPETokenizer", Backend)
    text = unlike(1_000)
    expected = by_tiktoken(text, "cl100k_base")
    with pytest.warns(UserWarning, match="gigatoken"):
        assert tokens.count(text, chunk=1 << 10) == expected
    assert tokens.count(text, chunk=1 << 10) == expected


def test_unknown_encodings_and_unreadable_files_are_told_in_a_line(tmp_path):
    with pytest.raises(BadInput, match="cl100k_base or o200k_base"):
        tokens.count("x", "gpt2")
    with pytest.raises(BadInput, match="No such file"):
        tokens.count_file(tmp_path / "absent")
    with pytest.raises(BadInput, match="cannot be read"):
        tokens.count_file(tmp_path)


@pytest.mark.parametrize("damage", [lambda packed: b"\x01" * len(packed), lambda _: zlib.decompress(b"torn")])
def test_damaged_data_is_refused_not_miscounted(monkeypatch, damage):
    monkeypatch.setattr(encodings, "_built", {})
    monkeypatch.setattr(encodings, "zlib", SimpleNamespace(decompress=damage, error=zlib.error))
    with pytest.raises(ConfigurationError, match="reinstall"):
        tokens.count("x")
    assert encodings._built == {}


def test_importing_the_room_imports_no_tokenizer():
    heavy = "{'tiktoken', 'regex', 'requests', 'numpy', 'httpx', 'concurrent.futures.thread'}"
    code = f"import sys, asksage_jupyter.tokens; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
