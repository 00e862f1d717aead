"""A kernel that forks: each process has its own session, connections and replies, on both databases."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import WAIT_S
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
        [sys.executable, "-c", CODE],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.stdout == f"{411 + 17 * 63} 0 True\n", done.stderr
    assert len(questions(server)) == 17


# Threads ask while the process forks again and again, in the middle of their holds, waits and commits; the
# children ask too. A child that finds a lock taken by a thread it does not have would wait for ever.
AMID_THREADS = """
import os, threading, time
import asksage_jupyter as sage
from asksage_jupyter.errors import LedgerError
from asksage_jupyter.session import current

sage.ask("first")
over, asked = threading.Event(), []

def work(name):
    while not over.is_set():
        asked.append(sage.ask(name).tokens)

threads = [threading.Thread(target=work, args=(f"thread {n}",)) for n in range(3)]
for thread in threads:
    thread.start()
debited, refused = 0, 0
for n in range(FORKS):
    if not (child := os.fork()):
        try:
            sage.ask(f"child {n}")
        except LedgerError:
            os._exit(3)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 3), code
    debited += code == 0
    refused += code == 3
    time.sleep(0.003 * (n % 7))
over.set()
for thread in threads:
    thread.join()
ours = 1 + len(asked) + debited
after = sage.balance().inference
assert (after.used, after.held) == (411 + 63 * ours, 0), (after.used - 411) / 63 - ours
print(ours, debited, refused, current().ledger.verify().ok)
"""


def test_a_process_may_fork_amid_the_calls_of_its_threads(ledger, server):
    def slowly(request):
        time.sleep(0.004)
        return envelope("An answer.", provenance={"model": MODEL})

    server.on(QUERY, slowly)
    done = subprocess.run(
        [sys.executable, "-c", AMID_THREADS.replace("FORKS", "12")],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    told = done.stdout.split()
    assert told[3:] == ["True"], done.stderr
    assert len(questions(server)) == int(told[0])
    assert int(told[1]) + int(told[2]) == 12  # refused is who was forked amid a commit to a file


# What lies beside the ledger is SQLite's too, or locked: a child has it to itself, but where another thread
# of the parent is within SQLite.
BESIDE = """
import io, os, sys, threading, traceback
import asksage_jupyter as sage
from asksage_jupyter.errors import LedgerError
from asksage_jupyter.session import current
from asksage_jupyter.session.holder import token_command
from asksage_jupyter.session.keeping.store import open_replies
from asksage_jupyter.tokens import encodings

def fork(child):
    if not (pid := os.fork()):
        try:
            child()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return lambda: os.waitpid(pid, 0)[1] == 0 or sys.exit("the child failed")

def asks():
    assert sage.ask("again", replay=True).text == "An answer."
    assert list(sage.map(["one", "two"], "{value}").answers) == ["An answer."] * 2
    assert replies.kept == 3  # the parent's own store, opened anew

def is_refused():
    try:
        sage.ask("again", replay=True)
    except LedgerError as error:
        assert "forked" in str(error)
    else:
        os._exit(1)

assert sage.ask("again", replay=True).tokens == 63
replies = open_replies(current())
with encodings._building, token_command._lock:
    fork(lambda: encodings.encoding("o200k_base") and token_command.token_from(["echo", "a token"]))()
(lives, is_there), (ends, over) = os.pipe(), os.pipe()
run = replies.owner()
join = fork(lambda: os.write(is_there, b".") and os.read(ends, 1))
os.read(lives, 1)
io.FileIO.close(run._file)  # as when this process is killed
assert not replies.is_alive(run.name)  # although its child lives
os.write(over, b".")
join()
fork(asks)()
assert replies.kept == 3
inside, leave = threading.Event(), threading.Event()
def uses():
    replies._file.use(lambda run: inside.set() or leave.wait())
thread = threading.Thread(target=uses)
thread.start()
inside.wait()
fork(is_refused)()
leave.set()
thread.join()
fork(asks)()
print(sage.balance().inference.used, current().ledger.verify().ok)
"""


def test_a_child_has_what_lies_beside_the_ledger_to_itself(ledger, server):
    server.on(QUERY, lambda request: envelope("An answer.", provenance={"model": MODEL}))
    done = subprocess.run(
        [sys.executable, "-c", BESIDE],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.stdout == f"{411 + 3 * 63} True\n", done.stderr
    assert len(questions(server)) == 3
