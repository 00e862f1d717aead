"""Envelopes: limits inside an account that must pay for the same hold, and where they are said."""

import random
import re
from contextlib import closing
from dataclasses import replace

import pytest
from ledger_desk import HOUR, INFERENCE, ME, Clock, a_bill, a_call, at, figures
from sqlalchemy import text
from tenant import MODEL, OTHER, questions

import asksage_jupyter as sage
from asksage_jupyter import session
from asksage_jupyter.account import Account, Envelope, Per
from asksage_jupyter.errors import BadInput, ConfigurationError, NotEnoughTokens, OverEnvelope
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.prompting.footing import Footing
from asksage_jupyter.server.views.reader import Reader
from asksage_jupyter.session import budgeting, envelopes
from asksage_jupyter.session.holding.bounds import Bound
from asksage_jupyter.settings import AskSage
from asksage_jupyter.widget import words
from asksage_jupyter.widget.state import PanelState

pytest_plugins = ["postgres_server"]

PROJECT = Envelope("project", "apollo", 300, told_by="pyproject.toml")
NOTEBOOK = Envelope("notebook", "a.ipynb", 100)
JOB = Envelope("job", "labels", 50, Per.ALL)
LAB = Account.of_pool(ME.host, "lab")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(where, clock):
    with closing(Ledger(where, clock=clock)) as ledger:
        ledger.set_plan(ME, INFERENCE, 1000, source="me")
        yield ledger
        assert ledger.verify().problems == ()


def held(ledger, tokens, *within, due_in=HOUR):
    call = a_call(tokens, ledger._clock)
    ledger.hold(ME, call, due=ledger._clock() + due_in, within=within)
    return call.op


def spent(ledger, tokens, *within):
    op = held(ledger, tokens, *within)
    ledger.settle(op, a_bill(tokens))
    return op


def of(ledger, envelope):
    """Granted, used and held of an envelope's grants that are not over."""
    with ledger._store.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT e.granted, e.used, e.held FROM entry e JOIN grant_ g ON g.id = e.grant_id "
                "JOIN account a ON a.id = g.account_id WHERE a.holder = :holder AND g.ends > :now "
                "AND e.seq = (SELECT max(seq) FROM entry WHERE grant_id = g.id)"
            ),
            {"holder": envelope.of(ME).holder, "now": ledger._clock()},
        )
        return [tuple(row) for row in rows]


def test_a_hold_must_fit_the_account_and_each_envelope(ledger):
    spent(ledger, 60, PROJECT, NOTEBOOK)
    assert (of(ledger, PROJECT), of(ledger, NOTEBOOK)) == ([(300, 60, 0)], [(100, 60, 0)])
    assert figures(ledger, ME) == (1000, 60, 0)
    with pytest.raises(OverEnvelope, match=r"a\.ipynb has 40 tokens left, 41 needed\. Nothing"):
        held(ledger, 41, PROJECT, NOTEBOOK)
    assert figures(ledger, ME) == (1000, 60, 0)
    held(ledger, 41, PROJECT)
    with pytest.raises(OverEnvelope, match=r"limited by pyproject\.toml") as refused:
        held(ledger, 200, PROJECT)
    assert (refused.value.estimate, refused.value.limit) == (200, 199)
    with pytest.raises(NotEnoughTokens):
        held(ledger, 2000, PROJECT)


def test_what_becomes_of_a_call_becomes_of_it_in_the_envelope(ledger, clock):
    ledger.void(held(ledger, 50, NOTEBOOK))
    assert of(ledger, NOTEBOOK) == [(100, 0, 0)]
    late = held(ledger, 30, NOTEBOOK)
    clock.t += 2 * HOUR
    assert ledger.presume() == 1
    assert of(ledger, NOTEBOOK) == [(100, 30, 0)]
    ledger.settle(late, a_bill(10))
    ledger.settle(late, a_bill(10))
    assert of(ledger, NOTEBOOK) == [(100, 10, 0)]
    ledger.settle(held(ledger, 90, NOTEBOOK), a_bill(120))  # more than estimated: overage, as of the month
    assert of(ledger, NOTEBOOK) == [(100, 130, 0)]
    with pytest.raises(OverEnvelope):
        held(ledger, 1, NOTEBOOK)


def test_a_hold_again_is_the_same_hold(ledger):
    call = a_call(30, ledger._clock)
    for _ in range(2):
        ledger.hold(ME, call, due=ledger._clock() + HOUR, within=[NOTEBOOK])
    assert of(ledger, NOTEBOOK) == [(100, 0, 30)]


def test_an_envelope_of_a_month_is_full_again_in_the_next_and_one_of_all_runs_is_not(ledger, clock):
    spent(ledger, 50, NOTEBOOK, JOB)
    clock.t = at(2026, 12, 1, 1)
    spent(ledger, 50, NOTEBOOK)
    assert of(ledger, NOTEBOOK) == [(100, 50, 0)]
    with pytest.raises(OverEnvelope, match="job labels has 0 tokens left"):
        held(ledger, 1, JOB)


def test_another_limit_counts_from_the_next_call_on(ledger):
    spent(ledger, 60, NOTEBOOK)
    with pytest.raises(OverEnvelope, match="has -10 tokens left"):
        held(ledger, 1, replace(NOTEBOOK, tokens=50))
    spent(ledger, 1, replace(NOTEBOOK, tokens=61))
    assert of(ledger, NOTEBOOK) == [(61, 61, 0)]


def test_it_is_nobodys_account_and_no_pool(ledger):
    spent(ledger, 10, PROJECT)
    assert [known.account for known in ledger.accounts()] == [ME]
    assert ledger.pools() == []
    assert len(ledger.calls()) == 1
    assert ledger.balance(ME).inference.used == 10


def test_a_member_spends_from_cap_pool_and_envelope(ledger):
    ledger.set_plan(LAB, INFERENCE, 500, source="team")
    ledger.grant(LAB, INFERENCE, 100, source="top-up:1", starts=0, ends=at(2027, 6, 1))
    ledger.join_pool(ME, INFERENCE, LAB, 200)
    spent(ledger, 40, PROJECT, JOB)
    held(ledger, 10, JOB)
    assert figures(ledger, LAB)[1:] == (40, 10)
    (member,) = ledger.members(LAB, INFERENCE)
    assert (member.account, member.used, member.held) == (ME, 40, 10)


def test_an_audit_compares_the_envelope_with_its_owner(ledger):
    spent(ledger, 10, NOTEBOOK)
    of_envelope = (
        "SELECT g.id FROM grant_ g JOIN account a ON a.id = g.account_id WHERE a.holder LIKE 'envelope:%'"
    )
    change = f"UPDATE entry SET tokens = tokens {{}} 1 WHERE kind = 'settle' AND grant_id IN ({of_envelope})"
    ledger._store.write(lambda connection: connection.execute(text(change.format("-"))))
    assert "an envelope's chain books other tokens than its owner's" in "".join(ledger.verify().problems)
    ledger._store.write(lambda connection: connection.execute(text(change.format("+"))))


def test_any_moves_leave_each_envelope_with_the_sum_of_its_calls(ledger, clock):
    chance, opened, used, holding = random.Random(11), {}, dict.fromkeys((PROJECT, NOTEBOOK, JOB), 0), {}
    ledger.grant(ME, INFERENCE, 200, source="top-up:1", starts=0, ends=at(2027, 6, 1))
    for _ in range(120):
        within = [each for each in used if chance.random() < 0.5]
        if chance.random() < 0.6:
            tokens = chance.randint(1, 30)
            left = [
                each.tokens - used[each] - sum(holding[op] for op in opened if each in opened[op])
                for each in within
            ]
            try:
                op = held(ledger, tokens, *within, due_in=1000 * HOUR)
            except OverEnvelope:
                assert min(left) < tokens
            except NotEnoughTokens:
                continue
            else:
                assert all(room >= tokens for room in left)
                opened[op], holding[op] = within, tokens
        elif opened:
            op = chance.choice(sorted(opened))
            billed = chance.randint(0, 40)
            ledger.settle(op, a_bill(billed))
            for each in opened.pop(op):
                used[each] += billed
    for each, tokens in used.items():
        assert of(ledger, each) == [
            (each.tokens, tokens, sum(holding[op] for op in opened if each in opened[op]))
        ]


# -- where they are said -----------------------------------------------------------------------------


@pytest.fixture
def project(server, tmp_path, monkeypatch):
    """Writes the project's file of the folder we are in."""
    folder = tmp_path / "apollo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return lambda said: (folder / "pyproject.toml").write_text(said)


def requests(server):
    return len(questions(server))


def test_a_block_spends_no_more_than_its_budget_and_sends_nothing_beyond(server):
    with sage.budget(400):
        reply = sage.ask("Why?")
        assert "the budget of this block leaves 337, below your own" in str(sage.balance().inference)
        before = requests(server)
        with pytest.raises(
            OverEnvelope, match=r"the budget of this block has 337 tokens left.*limited by budget\(400\)"
        ):
            sage.ask("Why? " * 2000)
        assert requests(server) == before
        with sage.budget(0), pytest.raises(OverEnvelope, match="has 0 tokens left"):
            sage.ask("Why?")
    assert reply.tokens == 63
    assert sage.balance().inference.bound is None
    with session.current().ledger._store.reading() as connection:  # it leaves nothing behind
        holders = connection.execute(text("SELECT DISTINCT holder FROM account")).scalars().all()
    assert holders == ["ada@example.org"]
    sage.ask("Why? " * 2000)
    with pytest.raises(BadInput, match="a budget is a whole number"):
        sage.budget(-1).__enter__()


def test_a_projects_file_bounds_the_project_its_notebooks_and_jobs(project, server, monkeypatch):
    project("""
        [project]
        name = "moon"
        [tool.asksage.envelopes]
        project = 200
        [tool.asksage.envelopes.jobs]
        labels = 0
        [tool.asksage.envelopes.notebooks]
        "reports/*.ipynb" = 0
    """)
    with sage.booked(job="labels"), pytest.raises(OverEnvelope, match="the envelope of the job labels"):
        sage.ask("Why?")
    monkeypatch.setattr(
        "asksage_jupyter.session.origins.origin.notebook", lambda _: "/home/me/reports/a.ipynb"
    )
    with pytest.raises(OverEnvelope, match=r"the envelope of the notebook a\.ipynb"):
        sage.ask("Why?")
    monkeypatch.setattr("asksage_jupyter.session.origins.origin.notebook", lambda _: "/home/me/a.ipynb")
    sage.ask("Why?")
    assert "the envelope of the project moon leaves 137" in str(sage.balance())
    with pytest.raises(
        OverEnvelope, match=r"limited by \[tool\.asksage\.envelopes\] of .*apollo.pyproject\.toml"
    ):
        sage.ask("Why? " * 2000)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[tool.asksage.envelopes]\nproject = -1", "project is a whole number"),
        ("[tool.asksage.envelopes]\nprojects = 1", "'projects' is not one of project, notebooks, jobs"),
        ("[tool.asksage.envelopes]\njobs = 1", "jobs is a table of limits by name"),
        ("[tool.asksage.envelopes", "cannot be read"),
    ],
)
def test_a_limit_that_cannot_be_read_lets_no_call_by(project, server, said, told):
    project(said)
    before = requests(server)
    with pytest.raises((BadInput, ConfigurationError), match=told):
        sage.ask("Why?")
    assert requests(server) == before


def test_the_environment_bounds_a_kernel_or_all_that_share_a_name(server, monkeypatch):
    monkeypatch.setenv("ASKSAGE_ENVELOPE", "200")
    sage.ask("Why?")
    with pytest.raises(OverEnvelope, match=r"the envelope of this run has 137 tokens left.*ASKSAGE_ENVELOPE"):
        sage.ask("Why? " * 2000)
    monkeypatch.setenv("ASKSAGE_ENVELOPE", "nightly-7=1_000")
    sage.ask("Why?")
    with closing(Ledger(AskSage.instance().ledger)) as elsewhere:
        account = session.current().account
        shared = Envelope("run", "nightly-7", 1000, Per.ALL)
        assert elsewhere.left_in(account, INFERENCE, [shared]) == [937]
    with pytest.raises(BadInput, match="like 20000 or nightly=20000"):
        AskSage.instance().envelope = "much"


def test_models_side_by_side_are_refused_as_a_whole(server):
    before = requests(server)
    with sage.budget(200), pytest.raises(OverEnvelope):
        sage.compare("Why? " * 10, [MODEL, OTHER])
    assert requests(server) == before
    assert sage.balance().inference.held == 0


def test_a_map_is_booked_under_its_job_and_refused_as_a_whole_by_the_jobs_envelope(project, server):
    project("[tool.asksage.envelopes.jobs]\nlabels = 700")
    assert sage.map(["a", "b"], "Good? {value}", name="labels").tokens == 2 * 63
    assert set(sage.usage().job) == {"labels"}
    before = requests(server)
    with pytest.raises(OverEnvelope, match=r"the envelope of the job labels has 574 tokens left"):
        sage.map([str(number) for number in range(100)], "Good? {value}", name="labels")
    assert requests(server) == before
    sage.map(["c"], "Good? {value}", name="others")


# -- a line in a cell --------------------------------------------------------------------------------


@pytest.fixture
def line(shell, server, capsys):
    """Runs ``%asksage`` with some words, and returns what it shows."""

    def run(words):
        capsys.readouterr()
        shell.run_line_magic("asksage", words)
        return capsys.readouterr().out

    yield run
    for kind in ("notebook", "project"):
        envelopes.unsay(kind)
        budgeting.unsay(kind)


def test_a_line_bounds_a_notebook_and_a_project_until_it_is_ended(line, server):
    line("envelope notebook a.ipynb 20k")
    sage.ask("Why?")
    told = line("envelope project apollo 200")
    assert re.search(r"notebook a\.ipynb +20,000 +63 +19,937 +%asksage envelope notebook", told)
    assert re.search(r"project apollo +200 +0 +200", told)
    sage.ask("Why?")
    with pytest.raises(
        OverEnvelope, match=r"project apollo has 137 tokens left.*limited by %asksage envelope"
    ):
        sage.ask("Why? " * 2000)
    line("envelope end project")
    sage.ask("Why? " * 2000)
    assert "apollo" not in line("envelope")
    with pytest.raises(BadInput, match="no line of this kernel bounds its project"):
        line("envelope end project")
    for wrong, why in {
        "envelope notebook 200": "nobody tells which notebook",
        "envelope job x 20": "'job' cannot be bounded: write %asksage envelope notebook 20000",
        "envelope notebook x much": "not a number of Ask Sage tokens",
        "envelope notebook": "'notebook' is not one of|say how many",
    }.items():
        with pytest.raises(BadInput, match=why):
            line(wrong)


def test_a_line_for_this_run_leaves_nothing_behind(line, server):
    line("envelope notebook a.ipynb 200 --per run")
    sage.ask("Why?")
    with pytest.raises(OverEnvelope, match=r"a\.ipynb in this run has 137 tokens left"):
        sage.ask("Why? " * 2000)
    with session.current().ledger._store.reading() as connection:
        assert connection.execute(text("SELECT count(DISTINCT holder) FROM account")).scalar_one() == 1


@pytest.mark.parametrize("per", ["month", "run"])
def test_a_soft_envelope_warns_once_and_refuses_nothing(line, server, per):
    line(f"envelope notebook a.ipynb 100 --soft --per {per}")
    with pytest.warns(UserWarning, match=r"a\.ipynb.* is over by [\d,]+ tokens.*it only warns"):
        sage.ask("Why? " * 2000)
    sage.ask("Why?")
    assert sage.balance().inference.bound is None
    assert session.current().ledger.verify().problems == ()
    assert "only warns" in line("envelope")


def test_the_panel_and_the_sidebar_tell_which_envelope_binds(project, server, tmp_path):
    project("[tool.asksage.envelopes]\nproject = 500\n[tool.asksage.envelopes.notebooks]\n'a.ipynb' = 200")
    sage.ask("Why?")
    state = PanelState(session.current(), contact=False)
    try:
        assert "the envelope of the project apollo leaves 437" in words.text(state.shown)
    finally:
        state.stop()
    reader = Reader(AskSage.instance())
    here = str(tmp_path / "apollo" / "a.ipynb")

    def bound_of(kernel):
        return reader.notebook("apollo/a.ipynb", here, kernel)["bound"]

    assert bound_of(Footing()) == "The envelope of the notebook a.ipynb leaves 200 of 200"
    said = Bound("the envelope of the notebook tides", 90, 40, "%asksage envelope", is_soft=True)
    assert bound_of(Footing((said,))) == "The envelope of the notebook tides leaves 40 of 90, and only warns"
    project("[tool.asksage.envelopes]\nproject = 500")
    assert bound_of(Footing()) == "The envelope of the project apollo leaves 437 of 500"
    assert reader.notebook("a.ipynb", str(tmp_path / "a.ipynb"), Footing())["bound"] == ""
