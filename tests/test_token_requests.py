"""Requests for more tokens through the magic: what is sent, listed and kept, and what they change."""

import pytest
from scripted import Played

import asksage_jupyter
from asksage_jupyter.errors import Refused, Unavailable
from asksage_jupyter.session import current
from asksage_jupyter.session.managing.requests import pending

REQUEST, MINE = "/user/request-tokens", "/user/get-my-token-requests"
LIMITS, LEFT = "/user/validate_token_with_full_user", "/server/count-monthly-tokens-left-with-org"


def limits(server, inference, training):
    told = {"max_tokens": inference, "max_train_tokens": training, "mfa_secret": "x"}
    server.on(LIMITS, {"response": told, "status": 200})
    server.on(LEFT, {"response": inference - 411, "status": 200})


def ran(shell, line, capsys):
    result = shell.run_cell(line)
    return capsys.readouterr().out, result.error_in_exec


def row(tokens, state, meter="inference", created="2026-11-03T09:00:00+00:00"):
    return {
        "id": 5,
        "requested_amount": tokens,
        "allocation_at_request": 200_000,
        "usage_at_request": 411,
        "reason": "the audit",
        "status": state,
        "source": "user",
        "token_type": meter,
        "reviewed_by": None,
        "reviewed_at": None,
        "created_at": created,
    }


@pytest.mark.parametrize("inside", [False, True])
def test_an_approved_request_changes_the_plan_at_once_and_says_so(shell, server, capsys, inside):
    asksage_jupyter.balance()
    told = {"request_id": 5, "status": "auto_approved", "old_tokens": 100_000, "new_tokens": 150_000}

    def approve(request):
        limits(server, 200_000, 150_000)
        return {"response": told, "status": 200} if inside else told

    server.on(REQUEST, approve)
    shown, error = ran(shell, '%asksage request 50,000 --meter training --reason "the audit"', capsys)
    assert error is None
    sent = {"requested_amount": 50_000, "token_type": "training", "reason": "the audit"}
    assert server.asked(REQUEST)[0].json == sent
    assert "50,000 training tokens asked for: approved at once" in shown
    assert "the plan is 150,000 a month now, was 100,000" in shown
    assert asksage_jupyter.balance().training.granted == 150_000
    assert pending(current().ledger.folder, current().account) == []


def test_where_the_limit_is_not_told_anew_the_approval_itself_counts(shell, server, capsys):
    asksage_jupyter.balance()
    server.on(REQUEST, {"status": "auto_approved", "old_tokens": 200_000, "new_tokens": 260_000})
    shown, _ = ran(shell, "%asksage request 60000", capsys)
    assert "the plan is 260,000 a month now, was 200,000" in shown
    assert asksage_jupyter.balance().inference.granted == 260_000


def test_a_pending_request_is_kept_where_the_sidebar_finds_it_without_asking(shell, server, capsys, tmp_path):
    server.on(REQUEST, {"request_id": 5, "status": "pending", "old_tokens": 200_000, "new_tokens": 200_000})
    shown, error = ran(shell, "%asksage request 50000 --reason audit", capsys)
    assert error is None and "50,000 inference tokens asked for: pending" in shown
    (kept,) = pending(tmp_path, current().account)
    assert (kept.tokens, kept.meter, kept.state) == (50_000, "inference", "pending")
    file = tmp_path / "requests.json"
    assert file.stat().st_mode & 0o077 == 0 and "audit" not in file.read_text()
    assert asksage_jupyter.balance().inference.granted == 200_000


def test_without_a_number_the_own_requests_are_listed_and_an_approved_one_is_the_plan(shell, server, capsys):
    asksage_jupyter.balance()
    rows = [
        row(10_000, "denied", created="2026-11-01T09:00:00Z"),
        row(50_000, "approved"),
        row(7_000, "pending", "training"),
    ]
    for reply in ({"response": rows, "status": 200}, {"response": {"requests": rows}, "status": 200}, rows):
        server.on(MINE, reply)
        limits(server, 250_000, 100_000)
        shown, error = ran(shell, "%asksage request", capsys)
        assert error is None
        for words in ("50,000 inference tokens asked for: approved", "asked 2026-11-03", "10,000", "denied"):
            assert words in shown
        assert "7,000 training tokens asked for: pending" in shown
    assert asksage_jupyter.balance().inference.granted == 250_000
    (kept,) = pending(current().ledger.folder, current().account)
    assert (kept.tokens, kept.meter) == (7_000, "training")


def test_no_requests_yet(shell, server, capsys):
    server.on(MINE, {"response": [], "status": 200})
    assert "No tokens were asked for yet; %asksage request N" in ran(shell, "%asksage request", capsys)[0]


def test_a_request_that_is_refused_tells_why(shell, server, capsys):
    server.on(REQUEST, Played({"response": "A request is pending.", "status": 400}, status=400))
    _, error = ran(shell, "%asksage request 5", capsys)
    assert type(error) is Refused and "A request is pending." in str(error)


def test_while_a_distribution_runs_it_says_when_to_come_back(shell, server, capsys):
    reply = {"response": "A distribution runs.", "status": 409, "retry_after": 900}
    server.on(REQUEST, Played(reply, status=409))
    _, error = ran(shell, "%asksage request 5", capsys)
    assert type(error) is Unavailable and "try again in 15 minutes" in str(error)
    assert len(server.asked(REQUEST)) == 1
