"""A prompt that is asked again: its kept reply for nothing where that is wanted, and marked as such."""

from __future__ import annotations

import stat
from contextlib import closing

import pytest
from scripted import QUERY, Played, envelope
from tenant import KEY, MODEL, OTHER, questions, says
from test_map import ran

import asksage_jupyter as sage
from asksage_jupyter.errors import BadInput, ReplyLost
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.session import current, forget
from asksage_jupyter.session.keeping.store import open_replies
from asksage_jupyter.settings import AskSage


def asked(server):
    return len(questions(server))


def stored():
    with closing(open_replies(current())) as replies:
        return replies.kept, replies.saved


def test_the_same_again_is_shown_for_nothing_and_marked(server):
    first = sage.ask("Why?", replay=True)
    used, rows = sage.balance().inference.used, len(sage.usage())
    forget()  # as a kernel that is started anew
    again = sage.ask("Why?", replay=True)
    assert (again.text, again.tokens, again.before) == (first.text, 0, first.tokens)
    assert f" · 0 tokens ({first.tokens} then) · --fresh asks again · " in again.receipt
    assert f"{MODEL} · replayed, of " in again.receipt
    assert asked(server) == 1
    assert (sage.balance().inference.used, len(sage.usage())) == (used, rows)
    assert stored() == (1, 63)
    assert current().exchanges.latest.question == "Why?"


def test_nothing_is_kept_or_shown_again_unless_it_is_wanted(server, tmp_path):
    sage.ask("Why?")
    assert not list(tmp_path.glob("*.replies"))
    sage.ask("Why?", replay=True)
    sage.ask("Why?")
    AskSage.instance().replay = True
    assert sage.ask("Why?").replayed
    assert not sage.ask("Why?", replay=False).replayed
    assert asked(server) == 4


def test_another_question_is_another(server, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("one")
    for options in (
        {},
        {"model": OTHER},
        {"system": "Be brief."},
        {"temperature": 0.5},
        {"history": 1},
        {"file": str(file)},
        {"reasoning": "low"},
        {"persona": 3},
    ):
        assert not sage.ask("Why?", replay=True, **options).replayed, options
        if "history" not in options:
            assert sage.ask("Why?", replay=True, **options).replayed, options
    file.write_text("two")
    assert not sage.ask("Why?", replay=True, file=str(file)).replayed
    AskSage.instance().system = "Answer at length."
    assert not sage.ask("Why?", replay=True).replayed


def test_fresh_asks_again_and_its_reply_takes_the_place(server):
    sage.ask("Why?", replay=True)
    says(server, "Because of the sea.")
    assert sage.ask("Why?", replay=True).text == "The sky is blue."
    assert sage.ask("Why?", replay=True, fresh=True).text == "Because of the sea."
    assert sage.ask("Why?", replay=True).text == "Because of the sea."
    assert asked(server) == 2


@pytest.mark.parametrize("options", [{"live": 1}, {"dataset": "user_custom_1_papers_content"}])
def test_what_looks_things_up_is_never_shown_again(server, options):
    with pytest.raises(BadInput, match="never replayed"):
        sage.ask("Why?", replay=True, **options)
    assert not questions(server)
    AskSage.instance().replay = True
    for _ in range(2):
        assert not sage.ask("Why?", **options).replayed
    assert stored() == (0, 0)


def test_half_a_reply_is_not_kept(server):
    server.on(QUERY, Played(envelope("half of it"), drop_at=10))
    with pytest.raises(ReplyLost):
        sage.ask("Why?", replay=True)
    says(server, "All of it.")
    assert sage.ask("Why?", replay=True).text == "All of it."
    assert asked(server) == 2


def test_a_reply_whose_bill_was_not_booked_is_booked_when_it_is_found(server, monkeypatch):
    def is_killed(*_):
        raise SystemExit

    with monkeypatch.context() as changed, pytest.raises(SystemExit):
        changed.setattr(Ledger, "settle", is_killed)
        sage.ask("Why?", replay=True)
    assert sage.balance().inference.held > 0
    assert sage.ask("Why?", replay=True).replayed
    inference = sage.balance().inference
    assert (inference.held, inference.used) == (0, 411 + 63)


def test_a_map_and_a_cell_share_what_they_keep(server):
    system = "Answer with the value only."
    sage.map(["Why?"], "{value}")
    assert sage.ask("Why?", replay=True, system=system).replayed
    sage.ask("How?", replay=True, system=system)
    assert sage.map(["How?"], "{value}").frame["how"].tolist() == ["replayed"]


def test_the_other_model_that_answered_is_found_again(server):
    def ask():
        return sage.ask("Why? " * 400, otherwise=OTHER, max_tokens=300, replay=True)

    if ask().model == OTHER:
        again = ask()
        assert again.replayed
        assert again.model == OTHER
    assert asked(server) == 1


def test_it_is_for_this_person_alone_without_the_prompt_and_can_be_cleared(shell, server, tmp_path):
    says(server, "canary-reply")
    sage.ask("canary-prompt", replay=True)
    paths = [path for path in tmp_path.rglob("*.replies*") if path.is_file()]
    assert paths
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in paths)
    data = b"".join(path.read_bytes() for path in paths)
    assert b"canary-prompt" not in data
    assert KEY.encode() not in data
    ledger = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*") if "replies" not in path.name)
    assert b"canary" not in ledger
    _, error = ran(shell, "%asksage replay clear")
    assert error is None
    assert b"canary-reply" not in b"".join(path.read_bytes() for path in paths if path.exists())
    assert not sage.ask("canary-prompt", replay=True).replayed


def test_a_cell_shows_its_reply_again_with_the_mark(shell, server):
    outputs, _ = ran(shell, "%%asksage --replay -o first\nWhy?")
    outputs, error = ran(shell, "%%asksage --replay -o again\nWhy?")
    assert error is None
    assert shell.user_ns["again"] == shell.user_ns["first"] == "The sky is blue."
    assert any("The sky is blue." in str(each) for each in outputs)
    assert "replayed, of " in outputs[-1]["text/plain"]
    outputs, _ = ran(shell, "%%asksage --replay --fresh\nWhy?")
    assert "replayed" not in outputs[-1]["text/plain"]
    assert asked(server) == 2
    for line in ("--replay --compare a,b", "--replay --plugin x", "--replay --map rows", "--replay --live 1"):
        _, error = ran(shell, f"%%asksage {line}\nWhy?")
        assert isinstance(error, BadInput), line
    assert asked(server) == 2
    (told,), _ = ran(shell, "%asksage replay")
    assert "1 reply is kept, 30 days each; showing some again saved 63 tokens" in told["text/plain"]
