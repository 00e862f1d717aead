"""A prompt over a table against a scripted tenant: what is sent, billed, kept, and sent no second time."""

from __future__ import annotations

import enum
import json
import random
import re
import signal
import stat
import threading
from collections import Counter
from types import SimpleNamespace
from typing import Literal

import numpy
import pandas
import pytest
from IPython.utils.capture import capture_output
from ledger_desk import DAY, Clock, a_bill, a_call
from patience import WAIT_S
from scripted import QUERY, Played, envelope
from tenant import KEY, OTHER, USED, questions

import asksage_jupyter as sage
import asksage_jupyter.usage_log.accessor
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import BadInput, JobStopped, NotEnoughTokens, OverEnvelope, OverLimit
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.magic.showing.waiting import Waiting
from asksage_jupyter.mapping import map as map_rows
from asksage_jupyter.mapping.outcome import RowStatus
from asksage_jupyter.mapping.planning.costs import Moments
from asksage_jupyter.mapping.proportion import Proportion
from asksage_jupyter.mapping.running.progress import Progress
from asksage_jupyter.month import now
from asksage_jupyter.session import current, forget
from asksage_jupyter.session.keeping.store import open_replies
from asksage_jupyter.session.waiting import tell_waiting
from asksage_jupyter.settings import AskSage


def said(request):
    """What the person's prompt was, whichever way it is sent."""
    message = request.json["message"]
    return message if isinstance(message, str) else message[-1]["message"]


def billed(text, tokens=63, length=60, **changes):
    usage = {"model_tokens": {"prompt_tokens": length, "completion_tokens": 4}, "asksage_tokens": tokens}
    return envelope(text, usage=usage, provenance={"model": "sage-haiku"}, **changes)


@pytest.fixture
def labels(server):
    """A tenant that labels a review, at 7 tokens each."""
    server.on(QUERY, lambda request: billed("bad" if "bug" in said(request) else "good", 7))
    return server


@pytest.fixture
def reviews():
    texts = ["a bug", "works", "works", None, " ", "another bug", "fine", "a long review that says fine", "x"]
    return pandas.DataFrame({"text": texts}, index=list("aabcdefgh"))


def standing():
    inference = sage.balance().inference
    return inference.used, inference.held


def test_each_row_has_its_answer_and_the_index_is_the_rows_own(labels, reviews):
    before = sage.balance().inference.used
    mapped = map_rows(reviews, "Good or bad? {text}", into="label")
    assert mapped.answers.tolist()[:3] == ["bad", "good", "good"]
    assert mapped.answers.index is reviews.index
    assert mapped.answers.name == "label"
    assert mapped.frame["status"].tolist() == ["ok"] * 3 + ["skipped"] * 2 + ["ok"] * 4
    assert mapped.frame["how"].tolist()[:3] == ["sent", "sent", "same"]
    assert mapped.frame["tokens"].tolist() == [7, 7, 0, 0, 0, 7, 7, 7, 7]
    assert mapped.tokens == 42 == sage.balance().inference.used - before
    assert len(questions(labels)) == 6
    assert standing()[1] == 0


def test_running_it_again_asks_nothing_and_writes_no_row(labels, reviews):
    first = map_rows(reviews, "Good or bad? {text}")
    asked, rows = len(questions(labels)), len(sage.usage())
    forget()  # as a kernel that is started anew
    again = map_rows(reviews, "Good or bad? {text}")
    assert again.answers.equals(first.answers)
    assert again.tokens == 0
    assert again.frame["how"].tolist()[:3] == ["replayed", "replayed", "same"]
    assert (len(questions(labels)), len(sage.usage())) == (asked, rows)


def test_only_what_is_new_is_asked(labels, reviews):
    map_rows(reviews, "Good or bad? {text}")
    asked = len(questions(labels))
    more = pandas.concat([reviews[::-1], pandas.DataFrame({"text": ["new"]})])
    assert map_rows(more, "Good or bad? {text}").tokens == 7
    assert len(questions(labels)) == asked + 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"prompt": "Say {missing}"}, BadInput),
        ({"prompt": "Say something"}, BadInput),
        ({"model": "nobody"}, BadInput),
        ({"budget": 5}, OverLimit),
        ({"na": "raise"}, BadInput),
        ({"na": "perhaps"}, BadInput),
        ({"workers": 0}, BadInput),
        ({"mostly": 2}, BadInput),
        ({"schema": 3}, BadInput),
        ({"schema": ["one"]}, BadInput),
        ({"history": 1}, BadInput),
        ({"prompt": lambda row: row["nothing"]}, BadInput),
        ({"prompt": lambda row: "  "}, BadInput),
        ({"into": " "}, BadInput),
        ({"check": "good"}, BadInput),
        ({"escalate": "nobody"}, BadInput),
        ({"escalate": OTHER, "unsure": pandas.NA}, BadInput),
        ({"escalate": OTHER, "unsure": numpy.array(["a", "b"])}, BadInput),
        ({"schema": list[str]}, BadInput),
    ],
)
def test_it_is_refused_as_a_whole_before_anything_is_sent(labels, reviews, options, error):
    wanted = {"prompt": "Good or bad? {text}", **options}
    with pytest.raises(error):
        map_rows(reviews, **wanted)
    assert not questions(labels)
    assert sage.usage().empty
    assert standing()[1] == 0


def test_a_cell_that_cannot_be_written_refuses_the_whole(labels):
    within_itself = []
    within_itself.append(within_itself)
    for value in (within_itself, [NoText()], {"a": NoText()}):
        with pytest.raises(BadInput, match="row 0: 'text' cannot be made into text"):
            map_rows(pandas.DataFrame({"text": [value]}), "Good or bad? {text}")
    assert not questions(labels)


class NoText:
    def __str__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("columns", "named"),
    [(["a`b", "c"], "{c}"), (["a b"], "{`a b`}"), (["text"], "{text}"), ([], "There is no column")],
)
def test_a_hint_names_a_column_as_a_prompt_can(labels, columns, named):
    rows = pandas.DataFrame({name: ["x"] for name in columns})
    with pytest.raises(BadInput, match=re.escape(named)):
        map_rows(rows, "Good or bad?" if columns else "Good or bad? {text}")


def test_values_within_a_list_are_what_they_are(labels):
    value = {"n": numpy.int64(3), "none": pandas.NA, "at": numpy.array([1, 2])}
    map_rows(pandas.DataFrame({"text": [value]}), "Is it good? {text}")
    assert said(questions(labels)[0]) == 'Is it good? {"n": 3, "none": null, "at": [1, 2]}'


def test_a_function_gets_its_row_with_whole_numbers(labels):
    rows = pandas.DataFrame({"n": [1, 2], "x": [0.5, 0.25]})
    map_rows(rows, lambda row: f"{row.n} of {row['x']}")
    assert {said(each) for each in questions(labels)} == {"1 of 0.5", "2 of 0.25"}


@pytest.mark.parametrize("make", [lambda table: table, lambda table: table.to_batches()[0]])
def test_a_table_of_arrow_is_one_too(labels, make):
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"n": [3, None, 4], "text": ["a", "b", None]})
    mapped = map_rows(make(table), "Good or bad? {n} {text}")
    assert mapped.frame["status"].tolist() == ["ok", "skipped", "skipped"]
    assert said(questions(labels)[0]) == "Good or bad? 3 a"
    column = map_rows(pyarrow.array(["c", None]), "Good or bad? {value}")
    assert column.frame["status"].tolist() == ["ok", "skipped"]


def test_what_another_library_cannot_hand_over_is_told(labels):
    class Far:
        def to_arrow(self):
            raise ConnectionError("the cluster is away")

    with pytest.raises(BadInput, match=r"cannot be read as a DataFrame: the cluster is away"):
        map_rows(Far(), "Good or bad? {value}")


def test_what_the_month_cannot_pay_is_refused_as_a_whole(labels, reviews):
    told = {"response": {"max_tokens": 450, "max_train_tokens": 10}, "status": 200}
    labels.on("/user/validate_token_with_full_user", told)
    with pytest.raises(NotEnoughTokens):
        map_rows(reviews, "Good or bad? {text}")
    assert not questions(labels)


@pytest.mark.parametrize("schema", [["good", "bad"], int, float, bool, {"x": ["good", "bad"], "y": bool}])
def test_what_an_answer_is_tells_how_long_it_is_before_one_is_seen(labels, reviews, schema):
    def priced(schema):
        return map_rows(reviews, "Good or bad? {text}", schema=schema, estimate=True)

    of_schema, of_text = priced(schema), priced(str)
    assert of_schema.expected < of_text.expected / 2
    assert of_schema.low <= of_schema.expected
    assert of_schema.high >= of_text.expected  # a model may ramble
    assert "no longer than the schema wants" in of_schema.basis
    assert priced({"label": str}).expected >= of_text.expected
    assert not questions(labels)


def test_a_budget_for_answers_of_a_word_is_not_refused_for_replies_of_any_length(labels, reviews):
    budget = map_rows(reviews, "Good or bad? {text}", estimate=True).expected // 2
    with pytest.raises(OverLimit):
        map_rows(reviews, "Good or bad? {text}", budget=budget, name="texts")
    map_rows(reviews, "Good or bad? {text}", schema=["good", "bad"], budget=budget, name="labels")


def test_an_estimate_sends_nothing(labels, reviews):
    estimate = map_rows(reviews, "Good or bad? {text}", estimate=True)
    assert (estimate.rows, estimate.calls, estimate.same, estimate.skipped) == (9, 6, 1, 2)
    assert "9 rows → 6 calls" in str(estimate)
    assert 0 < estimate.low <= estimate.expected <= estimate.high
    assert not questions(labels)


def test_what_is_more_than_there_is_is_no_share_of_it(labels):
    rows = [f"row {number}" for number in range(5_000)]
    assert ", more than is left" in str(map_rows(rows, "Good or bad? {value}", estimate=True))


def test_five_rows_tell_what_the_rest_will_cost(labels):
    rows = [f"review {number}" for number in range(60)]
    mapped = map_rows(rows, "Good or bad? {value}", sample=5)
    assert (len(questions(labels)), mapped.tokens) == (5, 35)
    estimate = map_rows(rows, "Good or bad? {value}", estimate=True)
    assert estimate.calls == 55
    assert estimate.low <= 55 * 7 <= estimate.high
    assert estimate.expected == pytest.approx(55 * 7, rel=0.1)
    whole = map_rows(rows, "Good or bad? {value}", budget=60 * 8)
    assert (len(questions(labels)), whole.tokens) == (60, 55 * 7)


def test_a_sample_that_is_dearer_than_thought_stops_it(server):
    server.on(QUERY, billed("good", 900))
    with pytest.raises(JobStopped) as stopped:
        map_rows([f"review {number}" for number in range(60)], "Good? {value}", budget=20_000)
    assert len(questions(server)) == 5
    assert stopped.value.result.tokens == 4_500
    assert (stopped.value.result.frame["status"] == "unsent").sum() == 55


def test_a_refused_row_is_data_and_asked_again_the_next_time(server):
    refused = {"response": "content filter", "status": 400}
    server.on(QUERY, lambda request: refused if "evil" in said(request) else billed("good", 7))
    rows = ["one", "two", "evil", "three", "four", "five", "six", "seven"]
    mapped = map_rows(rows, "Good? {value}")
    assert mapped.frame["status"].tolist() == ["ok"] * 2 + ["refused"] + ["ok"] * 5
    assert "content filter" in mapped.failed["reason"].iloc[0]
    assert standing()[1] == 0
    server.on(QUERY, billed("good", 7))
    assert map_rows(rows, "Good? {value}").tokens == 7


def test_a_lost_reply_stays_held_and_is_not_sent_again_by_itself(server):
    def reply(request):
        return Played(billed("good", 7), drop_at=10) if "lost" in said(request) else billed("good", 7)

    server.on(QUERY, reply)
    rows = ["one", "two", "lost", "three", "four", "five", "six"]
    mapped = map_rows(rows, "Good? {value}")
    assert mapped.frame["status"].tolist()[2] == "unknown"
    assert "1 row is in doubt: %asksage reconcile looks for the bill" in mapped.report.html
    held, asked = standing()[1], len(questions(server))
    assert held > 0
    server.on(QUERY, billed("good", 7))
    again = map_rows(rows, "Good? {value}")
    assert again.frame["status"].tolist()[2] == "unknown"
    assert (standing()[1], len(questions(server))) == (held, asked)
    wished = map_rows(rows, "Good? {value}", resend_unknown=True)
    assert (wished.tokens, wished.frame["status"].tolist()[2]) == (7, "ok")


def test_a_doubt_ends_with_the_bill_or_with_the_proof_that_there_is_none(server):
    lost = Played(billed("good", 7), drop_at=10)
    server.on(QUERY, lambda request: lost if "lost" in said(request) else billed("good", 7))
    rows = ["one", "two", "lost", "three", "four", "five", "lost too"]
    map_rows(rows, "Good? {value}")
    first, second = current().ledger.unsettled(current().account, Meter.INFERENCE)
    current().ledger.void(first.op)
    server.on(QUERY, billed("good", 7))
    again = map_rows(rows, "Good? {value}")
    assert again.tokens == 7
    assert again.frame["op"].notna().all()
    assert set(again.frame.loc[again.frame["status"] == "unknown", "op"]) == {second.op}


def test_fresh_asks_again_and_pays_again(labels, reviews):
    map_rows(reviews, "Good or bad? {text}")
    asked = len(questions(labels))
    assert map_rows(reviews, "Good or bad? {text}", fresh=True).tokens == 42
    assert len(questions(labels)) == 2 * asked


def test_the_store_is_for_this_person_alone_and_holds_no_prompt(labels, reviews, tmp_path):
    map_rows(reviews, "Good or bad? canary-7f3 {text}", model="sage-haiku")
    stores = list(tmp_path.glob("*.replies*"))
    assert stores
    for path in stores:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        if path.is_file():
            data = path.read_bytes()
            assert not any(canary in data for canary in (b"canary-7f3", b"another bug", KEY.encode()))


def test_it_is_no_part_of_the_conversation_and_teaches_no_other_cell(labels, reviews):
    before = sage.estimate("What is a hold?").expected
    map_rows(reviews, "Good or bad? {text}")
    assert current().exchanges.latest is None
    assert sage.estimate("What is a hold?").expected == before


def test_a_busy_service_is_left_alone_and_asked_again(server, monkeypatch):
    monkeypatch.setattr("asksage_jupyter.mapping.running.flow._PAUSES_S", (0.01, 0.05))
    busy = [Played({"message": "slow down", "status": 429}, status=429)] * 3
    server.on(QUERY, billed("good", 7), *busy, billed("good", 7))
    mapped = map_rows([f"review {number}" for number in range(12)], "Good? {value}")
    assert (mapped.frame["status"] == "ok").all()
    assert mapped.tokens == 84
    assert len(questions(server)) == 15


def test_the_same_refusal_three_times_ends_it(server):
    good = [billed("good", 7)] * 6
    server.on(QUERY, *good, {"response": "the model is retired", "status": 400})
    with pytest.raises(JobStopped, match="retired") as stopped:
        map_rows([f"review {number}" for number in range(100)], "Good? {value}", workers=1)
    assert len(questions(server)) == 9
    assert stopped.value.result.tokens == 42
    assert standing()[1] == 0


def test_fewer_answers_than_wanted_end_with_an_error(server):
    server.on(QUERY, lambda request: billed("" if "evil" in said(request) else "good", 7))
    with pytest.raises(JobStopped, match="mostly"):
        map_rows(["one", "evil", "three"], "Good? {value}", mostly=0.9)


@pytest.mark.parametrize(
    ("schema", "reply", "value", "dtype"),
    [
        (int, "```\n1,204\n```", 1204, "Int64"),
        (int, "9007199254740993", 9007199254740993, "Int64"),
        (float, "about 2.5", 2.5, "Float64"),
        (bool, "Yes.", True, "boolean"),
        (["bug", "no bug"], "It is: No Bug.", "no bug", "category"),
    ],
)
def test_an_answer_is_what_the_schema_says(server, schema, reply, value, dtype):
    server.on(QUERY, billed(reply, 7))
    answers = map_rows(["one"], "What? {value}", schema=schema).answers
    assert answers.tolist() == [value]
    assert answers.dtype == dtype
    assert "Answer with" in said(questions(server)[0])


def test_columns_come_as_columns(server):
    server.on(QUERY, billed('Here: {"topic": "Printer", "days": "3", "urgent": true} and more', 7))
    schema = {"topic": ["printer", "mail"], "days": int, "urgent": bool}
    frame = map_rows(["one", "two"], "What? {value}", schema=schema).answers
    assert frame.to_dict("records") == [{"topic": "printer", "days": 3, "urgent": True}] * 2
    assert [str(each) for each in frame.dtypes] == ["category", "Int64", "boolean"]


class Ticket:
    """As a class of pydantic's is used; pydantic itself is nobody's need here."""

    @staticmethod
    def model_json_schema():
        return {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}

    @staticmethod
    def model_validate(value):
        if not isinstance(value.get("days"), int):
            raise ValueError("days: Input should be a valid integer")


@pytest.mark.parametrize("schema", [Ticket, Ticket.model_json_schema()])
def test_a_json_schema_is_kept_to(server, schema):
    reply = {"a": '```json\n{"days": 3}\n```', "b": '{"days": "soon"}'}
    server.on(QUERY, lambda request: billed(reply[said(request)[6]], 7))
    mapped = map_rows(["a", "b"], "What? {value}", schema=schema, repairs=0)
    assert mapped.answers["days"].tolist() == [3, pandas.NA]
    assert mapped.answers["days"].dtype == "Int64"
    assert "integer" in mapped.failed["reason"].iloc[0]


class Kind(enum.Enum):
    MAIL = "mail"
    PRINTER = "printer"


@pytest.mark.parametrize(
    "schema",
    [
        Kind,
        Literal["mail", "printer"],
        pandas.CategoricalDtype(["mail", "printer"]),
        numpy.array(["mail", "printer"]),
        pandas.Index(["mail", "printer"]),
    ],
    ids=lambda schema: type(schema).__name__,
)
def test_choices_may_be_told_as_they_are_kept(server, schema):
    server.on(QUERY, billed("Mail.", 7))
    answers = map_rows(["one"], "What? {value}", schema=schema).answers
    assert (answers.tolist(), list(answers.cat.categories)) == (["mail"], ["mail", "printer"])


@pytest.mark.parametrize(
    ("schema", "reply", "answer"),
    [
        (int | None, "null", None),
        (int | None, "3", 3),
        (str | None, "None.", None),
        (Literal["none", "some"] | None, "none", "none"),
        ({"a": Literal["x", "y"] | None}, '{"a": null}', None),
    ],
)
def test_an_answer_that_may_be_none_is_one(server, schema, reply, answer):
    server.on(QUERY, billed(reply, 7))
    mapped = map_rows(["one"], "What? {value}", schema=schema)
    answers = mapped.answers["a"] if isinstance(schema, dict) else mapped.answers
    assert mapped.frame["status"].tolist() == ["ok"]
    assert (None if pandas.isna(answers[0]) else answers[0]) == answer
    assert "or null" in said(questions(server)[0]) or "with null" in said(questions(server)[0])


def test_a_class_fills_in_its_defaults_and_says_what_is_wrong(server):
    pydantic = pytest.importorskip("pydantic")
    fields = {"days": (int, ...), "urgent": (bool, False)}
    ticket = pydantic.create_model("Ticket", **fields)
    server.on(QUERY, lambda request: billed('{"days": "x"}' if "bad" in said(request) else '{"days": 3}', 7))
    mapped = map_rows(["good", "bad"], "What? {value}", schema=ticket, repairs=0)
    assert mapped.answers["urgent"].tolist()[0] is False
    assert "days: Input should be a valid integer" in mapped.failed["reason"].iloc[0]


def test_a_json_schema_of_fields_takes_no_list(server):
    pytest.importorskip("jsonschema")
    server.on(QUERY, billed("[1]", 7))
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"a": {}}}
    mapped = map_rows(["one"], "What? {value}", schema=schema)
    assert mapped.failed["reason"].tolist() == ["its JSON is no object"]


@pytest.mark.parametrize("no", [False, numpy.bool_(False), "", "too harsh"])
def test_a_check_may_say_no_in_numpys_words(labels, reviews, no):
    checked = map_rows(reviews, "Good or bad? {text}", check=lambda value: no)
    assert checked.count("invalid") == 7


def test_a_reply_that_does_not_fit_is_sent_back_once(server):
    def reply(request):
        asked = said(request)
        if asked.startswith("This reply does not fit"):
            return billed("3" if "three" in asked else "still no number", 5)
        return billed("three days" if "late" in asked else "about a week, or so", 7)

    server.on(QUERY, reply)
    rows = ["it is late", "who knows", "it is late"]
    mapped = map_rows(rows, "How many days? {value}", schema=int)
    assert mapped.answers.tolist()[0] == 3
    assert mapped.frame["status"].tolist() == ["ok", "invalid", "ok"]
    assert mapped.frame["tokens"].tolist() == [12, 12, 0]
    assert mapped.frame["attempts"].tolist() == [2, 2, 0]
    assert mapped.tokens == sage.usage()["tokens"].sum()
    back = [said(each) for each in questions(server) if "does not fit" in said(each)]
    assert not any("How many days" in each for each in back)
    again = map_rows(rows, "How many days? {value}", schema=int)
    assert (again.tokens, len(questions(server))) == (0, 4)
    assert again.frame["status"].tolist() == ["ok", "invalid", "ok"]
    assert map_rows(rows, "How many days? {value}", schema=int, repairs=0).count("invalid") == 3


def test_a_stricter_check_reads_kept_replies_again_for_nothing(labels, reviews):
    map_rows(reviews, "Good or bad? {text}")
    asked = len(questions(labels))
    checked = map_rows(reviews, "Good or bad? {text}", check=lambda value: value == "good" or "too harsh")
    assert checked.frame["status"].tolist()[:2] == ["invalid", "ok"]
    assert "too harsh" in checked.failed["reason"].iloc[0]
    assert (checked.tokens, len(questions(labels))) == (0, asked)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ZeroDivisionError])
def test_a_check_that_fails_loses_no_bill_whatever_it_raises(labels, reviews, error):
    def check(value):
        raise error("no")

    checked = map_rows(reviews, "Good or bad? {text}", check=check)
    assert (checked.count("invalid"), checked.tokens) == (7, 42)
    assert checked.failed["reason"].iloc[0] == "its check failed (no)"


@pytest.mark.parametrize(("unsure", "calls"), [(None, 1), ("other", 2), (lambda value: value == "mail", 2)])
def test_a_better_model_is_asked_what_the_first_could_not_say(server, unsure, calls):
    def reply(request):
        better = request.json["model"] == OTHER
        word = {"a": "nonsense", "b": "other", "c": "mail"}[said(request)[6]]
        return billed("printer" if better else word, 20 if better else 7)

    server.on(QUERY, reply)
    mapped = map_rows(
        ["a", "b", "c"],
        "What? {value}",
        schema=["printer", "mail", "other"],
        escalate=OTHER,
        unsure=unsure,
        repairs=0,
    )
    assert (mapped.answers == "printer").sum() == calls
    assert mapped.answers.tolist()[0] == "printer"
    assert mapped.tokens == 21 + 20 * calls


def test_two_draws_that_differ_are_asked_a_better_model(server):
    seen = Counter()

    def reply(request):
        if request.json["model"] == OTHER:
            return billed("printer", 20)
        seen[said(request)] += 1
        return billed("mail" if "sure" in said(request) or seen[said(request)] == 1 else "other", 7)

    server.on(QUERY, reply)
    schema = ["printer", "mail", "other"]
    mapped = map_rows(["sure", "hm"], "What? {value}", schema=schema, escalate=OTHER, unsure=2)
    assert mapped.answers.tolist() == ["mail", "printer"]
    assert mapped.tokens == 4 * 7 + 20
    assert "the better model was asked 1 of 2 (1% to 99% of such rows)" in mapped.receipt


def test_a_share_of_few_rows_is_an_interval():
    assert str(Proportion(0, 5)) == "0 of 5 (0% to 52% of such rows)"
    assert str(Proportion(5, 5)) == "5 of 5 (48% to 100% of such rows)"
    assert str(Proportion(300, 1_000)) == "300 of 1,000 (27% to 33% of such rows)"


@pytest.mark.parametrize(
    "reply", ["", "maybe", "NaN", "1e400", '{"a": NaN}', "[" * 200, "3 of 4", "\x1b[31mno\x1b[0m"]
)
def test_what_is_not_as_wanted_is_told_and_kept(server, reply):
    server.on(QUERY, billed(reply, 7))
    mapped = map_rows(["one"], "What? {value}", schema={"a": int})
    assert mapped.frame["status"].tolist() == ["invalid"]
    assert mapped.failed["reason"].iloc[0]
    assert mapped.tokens == 7 * len(questions(server)) <= 14


def test_the_report_shows_statuses_and_costs(labels, reviews):
    report = map_rows(reviews, "Good or bad? {text}")._repr_html_()
    for words in ("7 of 9 rows answered", "skipped", "42 tokens billed", "the same again asks nothing"):
        assert words in report
    assert len(report) < 20_000


def test_what_is_sent_is_the_row_with_a_system_prompt_of_its_own(labels):
    map_rows(["{other} {{x}} {value}"], "Look: {value}")
    (question,) = questions(labels)
    assert said(question) == "Look: {other} {{x}} {value}"
    assert "Answer with the value only." in json.dumps(question.json)


# -- in pandas, and in a cell ------------------------------------------------------------------------------


def test_answers_overwrite_no_column_that_the_prompt_uses(labels, reviews):
    with pytest.raises(BadInput, match="the column 'text', which the answers would overwrite"):
        reviews.asksage.map("Good or bad? {text}", into="text")
    assert not questions(labels)
    again = reviews.asksage.map("Good or bad? {text}", into="label").asksage.map(
        "Good or bad? {text}", into="label"
    )
    assert again["label"].tolist()[0] == "bad"


@pytest.mark.parametrize(
    "columns",
    [
        pandas.MultiIndex.from_tuples([("text", ""), ("x", "b")]),
        pandas.CategoricalIndex(["text", "x"]),
        pandas.Index(["text", "x"], name="field"),
    ],
    ids=lambda columns: type(columns).__name__,
)
def test_a_frame_may_have_columns_of_any_kind(labels, columns):
    rows = pandas.DataFrame([["a bug", 1]], columns=columns)
    named = "('text', '')" if columns.nlevels > 1 else "text"
    beside = rows.asksage.map(f"Good or bad? {{`{named}`}}", into="label")
    assert beside["label"].tolist() == ["bad"]
    assert list(rows.columns) == list(columns)


def test_a_frame_that_is_changed_meanwhile_gets_its_answers_as_it_was(labels, reviews):
    first = threading.Lock()

    def label(request):
        if first.acquire(blocking=False):
            del reviews["text"]
            reviews.drop(list("bcdefgh"), inplace=True)
        return billed("bad" if "bug" in said(request) else "good", 7)

    labels.on(QUERY, label)
    beside = reviews.asksage.map("Good or bad? {text}", into="label")
    assert (len(beside), beside["text"].iloc[0], beside["label"].iloc[0]) == (9, "a bug", "bad")


def test_a_frame_gets_its_answers_beside_its_rows(labels, reviews):
    labelled = reviews.asksage.map("Good or bad? {text}", into="label", schema=["good", "bad"])
    assert labelled.index.equals(reviews.index)
    assert list(labelled.columns) == ["text", "label", "label_status"]
    assert labelled["label"].dtype == "category"
    assert labelled.iloc[3:6]["label_status"].tolist() == ["skipped", "skipped", "ok"]
    assert list(reviews.columns) == ["text"]
    again = labelled.asksage.map("Good or bad? {text}", into="label", schema=["good", "bad"])
    assert again.equals(labelled)
    assert reviews["text"].asksage.map("Good or bad? {value}").tolist()[:2] == ["bad", "good"]
    with pytest.raises(BadInput, match="no usage log"):
        reviews.asksage.by("model")


def ran(shell, text):
    with capture_output() as captured:
        result = shell.run_cell(text)
    assert "Traceback" not in captured.stdout + captured.stderr
    return [output.data for output in captured.outputs], result.error_in_exec or result.error_before_exec


@pytest.mark.parametrize("kinds", [["good", "bad"], numpy.array(["good", "bad"])], ids=["list", "array"])
def test_a_cell_asks_every_row_and_shows_the_report(shell, labels, reviews, kinds):
    shell.push({"df": reviews, "kinds": kinds, "what": "Good or bad"})
    line = "%%asksage --map df --into label --schema kinds"
    (estimate,), error = ran(shell, f"{line} --estimate\n{{what}}? {{text}}")
    assert error is None
    assert "9 rows → 6 calls" in estimate["text/plain"]
    assert not questions(labels)
    (report,), error = ran(shell, f"{line} -o found\n{{what}}? {{text}}")
    assert error is None
    assert "7 of 9 rows answered" in report["text/html"]
    assert shell.user_ns["found"].answers.tolist()[:2] == ["bad", "good"]
    assert said(questions(labels)[0]).startswith("Good or bad? ")
    usage = ran(shell, "d = df.asksage.map('Good or bad? {text}', estimate=True)")
    assert usage[1] is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("--map nothing", "no variable 'nothing'"),
        ("--map df --schema nothing", "no variable 'nothing'"),
        ("--map df --schema none", "choices are 2 to 200"),
        ("--map df --compare a,b", "there is no --compare"),
        ("--map df --max-tokens 5", "--budget"),
        ("--when leftover", "--when is for the rows of a table: name it with --map"),
        ("--sample 5", "name it with --map"),
    ],
)
def test_a_line_that_makes_no_sense_of_rows_is_refused(shell, labels, reviews, line, why):
    shell.push({"df": reviews, "none": []})
    _, error = ran(shell, f"%%asksage {line}\nGood? {{text}}")
    assert isinstance(error, BadInput)
    assert why in str(error)
    assert not questions(labels)


@pytest.mark.parametrize("repairs", [1, 0])
def test_replies_that_are_repaired_end_no_job_as_those_do_that_are_not(server, repairs):
    rows = [f"row {number:03}" for number in range(60)]

    def reply(request):
        asked = said(request)
        if "does not fit" not in asked:
            number = int(asked.splitlines()[0][-3:])
            return billed(f"hm {number}" if number % 3 == 0 else "good", 7)
        return billed("hm", 7)  # and not one is mended

    server.on(QUERY, reply)
    if not repairs:
        with pytest.raises(JobStopped, match="came to nothing"):
            map_rows(rows, "Good? {value}", schema=["good", "bad"], repairs=0)
        return
    mapped = map_rows(rows, "Good? {value}", schema=["good", "bad"])
    assert (mapped.count(RowStatus.OK), mapped.count(RowStatus.INVALID)) == (40, 20)


def test_an_option_that_is_none_is_told_with_the_one_that_was_meant(labels, reviews):
    with pytest.raises(BadInput, match=r"no option 'budgett'; did you mean budget\? allowed"):
        map_rows(reviews, "Good? {text}", budgett=5)
    assert not questions(labels)


def test_what_the_rest_would_cost_is_told_by_the_bills_of_this_run(server):
    server.on(QUERY, billed("good", 7))
    sample = map_rows([f"row {number}" for number in range(30)], "Good? {value}", sample=5)
    assert "the same again asks 25 rows, about 175 tokens" in sample.report.html


def test_a_map_that_is_stopped_shows_what_it_has_and_goes_on_later(shell, server):
    rows, is_stopping = [f"review {number}" for number in range(30)], threading.Event()

    def reply(request):
        if len(questions(server)) == 12:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        if len(questions(server)) >= 12:
            is_stopping.wait(WAIT_S)
        return billed("good", 7)

    server.on(QUERY, reply)
    shell.push({"rows": rows})
    tell_waiting(lambda line: is_stopping.set() if line and line.startswith("stopping") else None)
    outputs, error = ran(shell, "%%asksage --map rows -o found\nGood? {value}")
    assert isinstance(error, JobStopped)
    asked = len(questions(server))
    assert 12 <= asked <= 20
    found = shell.user_ns["found"]
    assert (found.frame["status"] == "ok").sum() == asked
    assert sum("rows answered" in output.get("text/html", "") for output in outputs) == 1
    assert standing()[1] == 0
    server.on(QUERY, billed("good", 7))
    assert map_rows(rows, "Good? {value}").tokens == 7 * (30 - asked)
    assert len(questions(server)) == 30


def test_of_a_map_in_python_that_ends_early_the_report_is_shown_and_its_result_can_be_reached(shell, server):
    server.on(QUERY, billed("neither", 7))
    shell.push({"rows": [f"review {number}" for number in range(30)]})
    outputs, error = ran(
        shell,
        "import sys, asksage_jupyter as sage\nm = sage.map(rows, 'Good? {value}', schema=['good', 'bad'])",
    )
    assert isinstance(error, JobStopped)
    report, where = outputs[-2:]
    assert "0 of 30 rows answered" in report["text/html"]
    assert where["text/plain"].startswith("[import sys; sys.last_value.result has its rows")
    _, error = ran(shell, "left = len(sys.last_value.result.failed)")
    assert error is None
    assert shell.user_ns["left"] == 30
    _, error = ran(shell, "try:\n    sage.map(rows, 'Good? {value}', mostly=2)\nexcept Exception:\n    pass")
    assert error is None


def test_a_stop_while_one_row_is_asked_waits_for_it(server):
    """In the one thread that is waited for, too: a join that is interrupted would take it for ended."""
    rows, is_stopping = [f"review {number}" for number in range(10)], threading.Event()

    def reply(request):
        if len(questions(server)) == 8:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            is_stopping.wait(WAIT_S)
        return billed("good", 7)

    server.on(QUERY, reply)
    tell_waiting(lambda line: is_stopping.set() if line and line.startswith("stopping") else None)
    with pytest.raises(JobStopped) as stopped:
        map_rows(rows, "Good? {value}", workers=1)
    assert stopped.value.result.count(RowStatus.OK) == 8
    assert stopped.value.result.count(RowStatus.UNSENT) == 2
    assert standing() == (USED + 56, 0)


def test_a_second_stop_leaves_what_is_under_way(server):
    rows, gate = [f"review {number}" for number in range(30)], threading.Event()

    def reply(request):
        if len(questions(server)) == 8:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        if len(questions(server)) >= 8:
            gate.wait(WAIT_S)
        return billed("good", 7)

    def tell(line):
        if line and line.startswith("stopping"):
            signal.raise_signal(signal.SIGINT)

    server.on(QUERY, reply)
    tell_waiting(tell)
    with pytest.raises(JobStopped) as stopped:
        map_rows(rows, "Good? {value}")
    left = stopped.value.result.frame["status"].tolist()
    assert left.count("unknown") > 0
    tell_waiting(None)
    gate.set()
    again = map_rows(rows, "Good? {value}")  # waits for what the first left under way, which still arrives
    assert (again.frame["status"] == "ok").all()
    assert len(questions(server)) == 30
    assert standing()[1] == 0


def test_calls_are_booked_under_the_job(labels, reviews):
    map_rows(reviews, "Good or bad? {text}", name="reviews")
    assert set(sage.usage()["job"]) == {"reviews"}


def test_kept_replies_are_taken_away_without_a_trace(shell, labels, tmp_path):
    labels.on(QUERY, billed("canary-5d1 good", 7))
    map_rows(["one", "two"], "Good? {value}")
    (said_of_them,), error = ran(shell, "%asksage replay")
    assert error is None
    assert "2 replies" in said_of_them["text/plain"]
    _, error = ran(shell, "%asksage replay clear --older 30d")
    assert map_rows(["one", "two"], "Good? {value}").tokens == 0
    _, error = ran(shell, "%asksage replay clear")
    assert error is None
    stores = [path for path in tmp_path.glob("*.replies*") if path.is_file()]
    assert not any(b"canary-5d1" in path.read_bytes() for path in stores)
    assert map_rows(["one", "two"], "Good? {value}").tokens == 14


def test_replies_that_are_too_old_are_let_go(labels, monkeypatch):
    map_rows(["one", "two"], "Good? {value}")
    session = current()
    monkeypatch.setattr(session, "_clock", lambda: now() + 31 * 86_400 * 1_000_000)
    replies = open_replies(session)
    assert replies.kept == 0
    replies.close()


def test_without_texts_on_the_disk_nothing_is_paid_twice_by_itself(labels, tmp_path):
    labels.on(QUERY, billed("canary-8c2", 7))
    AskSage.instance().keep_replies_days = 0
    assert map_rows(["one", "two"], "Good? {value}").answers.tolist() == ["canary-8c2"] * 2
    assert not any(b"canary-8c2" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    again = map_rows(["one", "two", "three"], "Good? {value}")
    assert again.frame["status"].tolist() == ["unknown", "unknown", "ok"]
    assert "no text was kept" in again.failed["reason"].iloc[0]
    assert (again.tokens, standing()) == (7, (USED + 21, 0))
    assert map_rows(["one"], "Good? {value}", fresh=True).tokens == 7


def test_where_no_line_can_be_taken_away_a_tenth_leaves_one(labels, capsys):
    kernel = SimpleNamespace(get_parent=lambda channel: {})  # as nbclient and papermill speak with it
    shell = SimpleNamespace(kernel=kernel, display_pub=None)
    tell_waiting(Waiting(shell))
    gate = threading.Event()
    labels.on(QUERY, lambda request: gate.wait(0.02) or billed("good", 7))
    try:
        map_rows([f"review {number}" for number in range(100)], "Good? {value}", workers=2)
    finally:
        tell_waiting(None)
    lines = capsys.readouterr().out.splitlines()
    assert 3 <= len(lines) <= 14
    assert lines[0] == "asking 5 ..."
    assert any(" done · " in line for line in lines)
    progress, crew = Progress(100, 700), SimpleNamespace(outcomes={})
    told = 0
    for number in range(100):
        crew.outcomes[number] = None
        told += progress.has_come_far(crew)
    assert told == 10


def test_very_many_calls_need_a_budget(labels, monkeypatch):
    monkeypatch.setattr("asksage_jupyter.mapping.planning.plan._WITHOUT_BUDGET", 10)
    rows = [f"review {number}" for number in range(11)]
    with pytest.raises(BadInput, match=r"11 calls, .*: above 10 a map needs a budget="):
        map_rows(rows, "Good? {value}")
    assert not questions(labels)
    assert map_rows(rows, "Good? {value}", budget=10_000).tokens == 77


@pytest.mark.parametrize(
    "draw",
    [
        lambda chance: chance.gauss(60, 15),
        lambda chance: chance.uniform(5, 120),
        lambda chance: chance.lognormvariate(4, 0.4),
    ],
    ids=["normal", "uniform", "skewed"],
)
def test_the_interval_after_five_rows_holds_in_about_eight_of_ten_jobs(draw):
    chance, jobs, rows = random.Random(15), 300, 200
    holds = 0
    for _ in range(jobs):
        told = Moments(draw(chance) for _ in range(5)).range_of(rows)
        holds += told.low <= sum(draw(chance) for _ in range(rows)) <= told.high
    assert 0.75 <= holds / jobs <= 0.9


def test_what_more_rows_would_cost_elsewhere_is_priced_from_those_at_hand(labels, reviews):
    mapped = map_rows(reviews, "Good or bad? {text}", sample=3)
    asked = len(questions(labels))
    here, there = mapped.what_if(rows=9_000), sage.what_if(rows=9_000, model=OTHER)
    rate = current().pricing.rate(OTHER)
    assert there.expected == round(6_000 * current().pricing.rates.bill(rate, 60, 4))
    assert 0 < here.low <= here.expected <= here.high
    assert len(questions(labels)) == asked
    with pytest.raises(BadInput, match="nobody"):
        mapped.what_if(model="nobody")
    with pytest.raises(
        BadInput, match=f"no map 'other' was made in this kernel; the latest are '{mapped.job}'"
    ):
        sage.what_if(job="other")


def test_of_several_maps_the_last_or_the_named_one_is_priced_elsewhere(server):
    with pytest.raises(BadInput, match="no map was made in this kernel"):
        sage.what_if()
    server.on(QUERY, lambda request: billed("good", 7, length=60 if "long" in said(request) else 10))
    sage.map(["long one", "long two"], "Good? {value}", name="long")
    sage.map(["short", "brief"], "Good? {value}", name="short")
    assert sage.what_if(rows=100).expected < sage.what_if(rows=100, job="long").expected
    sage.map(["long one", "long two"], "Good? {value}", name="long")
    assert sage.what_if(rows=100) == sage.what_if(rows=100, job="long")


def test_a_budget_holds_over_all_runs_also_those_that_were_made_without_it(labels):
    rows = [f"review {number}" for number in range(20)]
    map_rows(rows[:6], "Good? {value}", name="labels")
    with pytest.raises(OverEnvelope, match=r"job labels has 18 tokens left.*budget=60 of"):
        map_rows(rows, "Good? {value}", name="labels", budget=60)
    assert len(questions(labels)) == 6
    assert map_rows(rows[:8], "Good? {value}", name="labels", budget=60).tokens == 14
    with pytest.raises(OverEnvelope, match="has 4 tokens left"):
        map_rows(rows[:10], "Good? {value}", name="labels", budget=60)
    assert map_rows(rows[:10], "Good? {value}", name="other", budget=60).tokens == 14
    assert map_rows(rows, "Good? {value}", name="labels", budget=200).tokens == 7 * 10


def test_a_map_of_what_is_left_over_stops_when_that_is_gone(labels):
    account, clock = AskSage.instance().account, Clock(now() - 40 * DAY)
    ledger = Ledger(AskSage.instance().ledger, clock=clock)
    ledger.set_plan(account, Meter.INFERENCE, 10**6, source="set_plan")
    while clock.t < now() - DAY:  # a steady user, whose forecast has no band
        clock.t += DAY
        call = a_call(1000, clock)
        ledger.hold(account, call, due=clock.t + DAY)
        ledger.settle(call.op, a_bill(1000))
    ledger.close()
    sage.set_plan(inference=10**6 - sage.pace().expiring_low + 1_000)
    rows = [f"review {number}" for number in range(200)]
    with pytest.raises(JobStopped, match=r"what will expire this month has .* tokens left") as stopped:
        map_rows(rows, "Good? {value}", when="leftover", workers=2)
    assert 900 <= stopped.value.result.tokens <= 1_000
    assert stopped.value.result.tokens == 7 * len(questions(labels))
    with pytest.raises(BadInput, match="when: 'later' is not one of leftover"):
        map_rows(rows, "Good? {value}", when="later")


def test_bills_above_the_estimate_overrun_a_budget_by_what_was_under_way_at_most(server):
    asked = len(questions(server))

    def reply(request):  # cheap as long as a sample is taken
        return billed("good", 10 if len(questions(server)) - asked <= 10 else 30)

    server.on(QUERY, reply)
    rows = [f"review {number:03}" for number in range(100)]
    map_rows(rows, "Good? {value}", sample=10, budget=2_000)
    with pytest.raises(JobStopped, match=r"job \w+ has -?[\d,]+ tokens left") as stopped:
        map_rows(rows, "Good? {value}", budget=1_300, workers=4)
    billed_in_all = 100 + stopped.value.result.tokens
    assert 1_300 - 30 <= billed_in_all <= 1_300 + 4 * 20
    assert standing() == (USED + billed_in_all, 0)
