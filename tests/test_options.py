"""The line of %%asksage: words, options, and what is said of wrong ones."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksage_jupyter.errors import BadInput
from asksage_jupyter.prompting import CellOptions, cell_parser, parse_cell, split
from asksage_jupyter.session import Options
from asksage_jupyter.session.near import did_you_mean


def test_an_empty_line_says_nothing():
    assert parse_cell("") == CellOptions()


def test_every_option_arrives_with_its_type():
    assert parse_cell(
        'gpt-5 -f json -o answer -s "Be \'brief\'" -p 7 -d user_1 --live 2 -t 0.3 --reasoning high '
        "--history 3 --file notes.txt --estimate --max-tokens 1,000 --no-stream"
    ) == CellOptions(
        model="gpt-5", format="json", output="answer", system="Be 'brief'", persona=7, dataset="user_1",
        live=2, temperature=0.3, reasoning="high", history=3, file="notes.txt", estimate=True,
        max_tokens=1000, stream=False,
    )  # fmt: skip


def test_long_names_equal_signs_and_any_order_mean_the_same():
    assert parse_cell('--system="a b" --format=text m') == parse_cell("m -f text -s 'a b'")


def test_the_options_of_a_call_are_those_of_the_session():
    assert parse_cell("").of_call.keys() == Options.__annotations__.keys()


@pytest.mark.parametrize(
    "path", [r"C:\Users\ada\notes.txt", r"\\server\share\new", r"C:\My Files\t.txt\ ".strip(), "~/a b.txt"]
)
def test_paths_of_every_platform_pass_as_they_are(path):
    assert parse_cell(f'--file "{path}"').file == path
    assert parse_cell(f'--file="{path}" m').file == path


@pytest.mark.parametrize(
    ("line", "system"),
    [
        (r'-s "You say \"hi\" now" m', 'You say "hi" now'),
        (r"--system='It \'is\'' m", "It 'is'"),
        ("-s “Be brief” m", "Be brief"),
        ("--system=„Kurz, bitte“ m", "Kurz, bitte"),
        ("-s ‘Be brief’ m", "Be brief"),
        (r'-s "C:\a\" m', "C:\\a\\"),
    ],
)
def test_quotes_are_read_as_people_write_them(line, system):
    options = parse_cell(line)
    assert (options.system, options.model) == (system, "m")


@pytest.mark.parametrize(
    ("written", "tokens"),
    [("200k", 200_000), ("1_000", 1_000), ("1,000", 1_000), ("1.5M", 1_500_000), ("7", 7)],
)
def test_numbers_are_read_as_people_write_them(written, tokens):
    assert parse_cell(f"--max-tokens {written}").max_tokens == tokens


def test_dollars_braces_and_backslashes_are_literal():
    assert parse_cell(r"-s '$HOME {x} \n %d'").system == r"$HOME {x} \n %d"


def test_an_apostrophe_inside_a_word_opens_no_quote():
    assert split("estimate don't panic, it's 5 o'clock") == [
        "estimate",
        "don't",
        "panic,",
        "it's",
        "5",
        "o'clock",
    ]


def test_a_value_may_begin_with_a_dash_when_it_is_quoted_prose():
    assert parse_cell('-s "- be brief"').system == "- be brief"


@given(
    st.lists(st.from_regex(r"[\w./:,-]+", fullmatch=True) | st.from_regex(r"[\w \t.$\\-]*", fullmatch=True))
)
def test_words_in_double_quotes_come_out_as_they_went_in(words):
    assert split(" ".join(f'"{word}"' for word in words)) == words


@given(st.text(alphabet="abc -=\"' \\"))
def test_splitting_gives_words_or_a_single_line(line):
    try:
        words = split(line)
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        # Nothing is lost but white space, quotes, and backslashes before quotes.
        assert _letters("".join(words)) == _letters(line)


def _letters(text):
    return "".join(sign for sign in text if sign not in " \"'\\")


@given(st.lists(st.from_regex(r"[\w./:,=]+", fullmatch=True), max_size=5))
def test_plain_words_are_split_as_a_shell_would(words):
    line = "  ".join(words)
    assert split(line) == shlex.split(line)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("--fromat json", ["no option --fromat", "did you mean --format?", "--max-tokens"]),
        ("--nonsense", ["no option --nonsense", "allowed are --format"]),
        ("--form json", ["no option --form"]),
        ("--" + "x" * 99, [f"no option --{'x' * 38}…; allowed are"]),
        ("--live " + "9" * 99, [f"'{'9' * 40}…' is not one of 0, 1, 2"]),
        (
            "-f jsn",
            ["-f/--format", "'jsn' is not one of markdown, code, json, html, text", "did you mean json?"],
        ),
        ("--live 3", ["--live", "'3' is not one of 0, 1, 2"]),
        ("--live yes", ["--live", "not one of 0, 1, 2"]),
        ("--reasoning max", ["--reasoning", "low, medium, high"]),
        ("-t warm", ["-t/--temperature", "'warm' is not a number from 0 to 1"]),
        ("-t 2", ["not a number from 0 to 1"]),
        ("-t nan", ["not a number from 0 to 1"]),
        ("-p Ada", ["-p/--persona", "whole number"]),
        ("--history -1", ["--history", "'-1'", "0 or more"]),
        ("--history 1.5", ["--history", "whole number"]),
        ("--max-tokens 1.5", ["--max-tokens", "whole number"]),
        ("--max-tokens 0.0001k", ["--max-tokens", "whole number"]),
        ("--max-tokens ten", ["--max-tokens", "Ask Sage tokens"]),
        ("-o 2nd", ["-o/--output", "'2nd' cannot name a variable"]),
        ("-o class", ["'class' cannot name a variable"]),
        ("-o list", ["'list' is a name of Python's or IPython's own"]),
        ("-o", ["-o/--output", "value is missing"]),
        ('-s "Be brief', ["quote", "not closed"]),
        ("--system='Be brief", ["quote", "not closed"]),
        ("why is the sky blue", ["'is the sky blue'", "lines below %%asksage"]),
    ],
)
def test_what_is_wrong_is_told_in_one_line_that_says_what_is_allowed(line, parts):
    with pytest.raises(BadInput) as told:
        parse_cell(line)
    assert "\n" not in str(told.value)
    for part in parts:
        assert part in str(told.value)


def test_words_beside_the_options_keep_their_order():
    options, words = cell_parser().read('Why "is it" -t 0.5 -5 degrees --live=1 outside')
    assert words == ["Why", "is it", "-5", "degrees", "outside"]
    assert (options["temperature"], options["live"]) == (0.5, 1)


def test_the_help_describes_every_option():
    told = cell_parser().describe()
    for name in cell_parser().names():
        assert name in told
    assert told.startswith("usage: %%asksage [MODEL] [options]")
    assert max(map(len, told.splitlines())) <= 104


def test_options_tell_their_values():
    values = cell_parser().values
    assert values("--format") == values("-f") == ("markdown", "code", "json", "html", "text")
    assert values("--live") == ("0", "1", "2")
    assert values("--system") == ()
    assert values("--estimate") is None


def test_the_dashes_of_options_make_none_like_another():
    assert did_you_mean("--modle", ["--live", "--model"]) == "did you mean --model? "
    assert did_you_mean("--modle", ["--live", "--file"]) == ""
