"""A kernel that forks: each process has its own session, connections and replies, on both databases."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripted import QUERY, envelope
from tenant import MODEL, questions

from asksage_jupyter.session import current
from asksage_jupyter.settings import AskSage

pytest_plugins = ["postgres_server"]
pytestmark = [pytest.mark.long, pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")]

# In a process of its own: the test runner has threads, which a fork would lose.
CODE = """
import multiprocessing, os
import asksage_jupyter as sage
from asksage_jupyter.session import current

def ask(number):
    reply = sage.ask(f"question {number}")
    assert reply.text == f"answer to question {number}", reply.text
    return reply.tokens

assert sage.ask("question 0").tokens == 63  # and the connection is kept alive
parent = current()
watch = parent.ledger.watch(lambda: None)
with multiprocessing.get_context("fork").Pool(4) as pool:
    assert pool.map(ask, range(1, 13), chunksize=1) == [63] * 12
for number in (13, 14):
    if not (child := os.fork()):
        assert ask(number) and current() is not parent
        os._exit(0)
    ask(number + 10)
    assert os.waitpid(child, 0)[1] == 0
assert current() is parent
watch()
print(sage.balance().inference.used, sage.balance().inference.held, current().ledger.verify().ok)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request, server, monkeypatch, tmp_path):
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        monkeypatch.setenv("ASKSAGE_LEDGER", postgres.url("postgres", schema=postgres.new_schema()))
        AskSage.clear_instance()
    return current().ledger


def test_each_process_gets_its_own_replies_and_all_is_debited_once(ledger, server):
    def echo(request):
        return envelope(f"answer to {request.json['message']}", provenance={"model": MODEL})

    server.on(QUERY, echo)
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"{411 + 17 * 63} 0 True\n", done.stderr
    assert len(questions(server)) == 17
