"""Whatever a service sends and whatever a line says: an answer or an error of the tree, never another."""

import json

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scripted import QUERY, envelope, pieces, question

from asksage_jupyter.commands import COMMANDS
from asksage_jupyter.display import harmless as harmless_
from asksage_jupyter.display.harmless import harmless
from asksage_jupyter.display.plain import plain
from asksage_jupyter.errors import BadInput, ServiceError
from asksage_jupyter.prompting import CellOptions, parse_cell
from asksage_jupyter.service import Answer, Secret, Service
from asksage_jupyter.service.replies.wire import Body

pytestmark = pytest.mark.long

LIMIT = settings(max_examples=150)

odd_text = st.text(st.characters(codec=None), max_size=40)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | odd_text
    | st.sampled_from(["Sorry, ", "OK", "63", "1e400", "\ud800", "-1"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(odd_text, inside, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(sorted([*envelope(), "data", "ret", "new"]))
usage = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("asksage_tokens", "model_tokens", "prompt_tokens"), values)
)
bodies = st.dictionaries(members, values, max_size=6) | st.builds(
    lambda changes, usage: envelope(**(changes | {"usage": usage})),
    st.dictionaries(members.filter(lambda name: name != "message"), values, max_size=4),
    usage,
)
encoded = bodies.map(lambda body: json.dumps(body).encode())
statuses = st.sampled_from([200, 204, 302, 400, 401, 404, 413, 429, 500, 503])
heads = st.dictionaries(
    st.sampled_from(["date", "location", "content-encoding", "content-length", "content-type"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
    | st.sampled_from(["gzip", "Mon, 01 Jan 99999999999 00:00:00 GMT", "http://[", "//evil.example"]),
    max_size=3,
)


@st.composite
def streams(draw):
    """What a stream may consist of, damaged anywhere."""
    parts = draw(st.lists(encoded | st.binary(max_size=20), max_size=5))
    body = bytearray(pieces(*parts, trailing=draw(st.booleans())))
    for at in draw(st.lists(st.integers(0, len(body)), max_size=3)):
        body[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(body[: draw(st.integers(0, len(body)))]) if draw(st.booleans()) else bytes(body)


def asked(status, head, body, *, streamed):
    """The answer of a service that sends this; None where it is an error of the tree."""

    def reply(request):
        return httpx.Response(status, headers=head, stream=httpx.ByteStream(body))

    service = Service(
        "http://localhost",  # https would read the certificates of this machine for each example
        Secret("key-1"),
        transport=httpx.MockTransport(reply),
        sleep=lambda seconds: None,
    )
    told = []
    try:
        return service.query(question(), told.append if streamed else None)
    except ServiceError as error:
        assert "\n" not in str(error)
        assert plain(str(error)) == str(error)
        return None
    finally:
        service.close()
        assert all(isinstance(text, str) for text in told)


@LIMIT
@given(statuses, heads, streams())
@example(200, {"date": "Mon, 01 Jan 99999999999 00:00:00 GMT"}, pieces(envelope()))
def test_a_stream_is_an_answer_or_an_error(status, head, body):
    assert isinstance(asked(status, head, body, streamed=True), Answer | None)


@LIMIT
@given(statuses, heads, encoded | st.binary(max_size=60))
@example(200, {}, b"[" * 100_000)
@example(200, {}, b'{"message": "a", "usage": {"asksage_tokens": 1' + b"0" * 5000 + b"}}")
def test_a_reply_is_an_answer_or_an_error(status, head, body):
    assert isinstance(asked(status, head, body, streamed=False), Answer | None)


@LIMIT
@given(encoded, statuses)
def test_a_bill_is_a_natural_number_and_a_name_can_be_stored(body, http):
    answer = Body(body, http, QUERY, str).answer()
    if isinstance(answer, Answer):
        figures = (answer.tokens, answer.input_tokens, answer.output_tokens)
        assert all(figure is None or 0 <= figure < 2**63 for figure in figures)
        for name in (answer.model, answer.request_id):
            assert name is None or (name and len(name.encode()) < 1000 and name.isprintable())


words = st.sampled_from(
    ["--max-tokens", "-f", "--format=", "json", "-o", "x", "'", '"', "--", "-", "=", "--plugin", "a=b", "\\",
     "9" * 5000, "1,5", "--live", "2", "--temperature", "nan", "--history", "--file", "~", "{x}", "--compare",
     "m,n", "%s", "%(prog)s"]
)  # fmt: skip
lines = st.lists(words | odd_text, max_size=6).map(" ".join)


@LIMIT
@given(lines)
def test_a_cells_line_is_options_or_bad_input(text):
    try:
        assert isinstance(parse_cell(text), CellOptions)
    except BadInput as error:
        assert str(error)


@LIMIT
@given(st.sampled_from([command.parser for command in COMMANDS.values()]), lines)
def test_a_commands_line_is_options_or_bad_input(parser, text):
    try:
        options, rest = parser.read(text)
    except BadInput as error:
        assert str(error)
    else:
        assert isinstance(options, dict)
        assert all(word in text for word in rest if "'" not in text and '"' not in text)


markdown = st.lists(
    st.sampled_from(
        ["<", "<b>", "![", "](", "]:", "[a]", "(", ")", "`", "``", "```", "~~~", "\n",
         "\n\n", "- ", "> ", "   ", "$", "$$", "\\", '"', "@@", "0", "javascript:", "http://a.b/", "https:",
         "mermaid", "&#106;", "!", "<!--", "<pre>", "</code>", "\x1b[", "\u202e"]
    )
    | odd_text,
    max_size=20,
).map("".join)  # fmt: skip


@LIMIT
@given(markdown)
def test_what_is_shown_of_a_reply_can_run_and_load_nothing(text):
    shown = harmless(text)
    assert not harmless_._is_risky(harmless_._OWN_TAG.sub(" ", shown))
    assert plain(shown) == shown


@LIMIT
@given(
    st.text(st.characters(codec=None))
    | st.lists(st.sampled_from(["\x1b", "[", "]8;;", "\x07", "0", "m", "a", "\x9b"])).map("".join)
)
def test_plain_text_steers_no_terminal(text):
    shown = plain(text)
    assert all(letter.isprintable() or letter in "\t\n" or ord(letter) >= 0xA0 for letter in shown)
    shown.encode()
    assert plain(shown) == shown
