"""The magics in a real kernel, as a front end meets them: messages, an interrupt, and what loading costs."""

import os
import re
import signal
import subprocess
import sys
import threading
from ast import literal_eval
from contextlib import contextmanager

import nbformat
import pytest
from ipykernel.kernelspec import write_kernel_spec
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager
from kept import contents
from nbclient import NotebookClient
from patience import WAIT_S
from scripted import QUERY, STREAM, Played
from tenant import KEY, MODEL, OTHER, environment, open_tenant, questions, says, stalls_after

from asksage_jupyter.account import Account
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.magic.writing.counting import TARGET

CELL = "4e1c-cell"
# What a first cell imports whatever was done before, none of it large.
LATE = {"_sha2", "anyio", "bdb", "certifi", "stringprep"}
HEAVY = [
    "httpx",
    "sqlalchemy",
    "sqlite3",
    "pandas",
    "numpy",
    "ipywidgets",
    "tiktoken",
    "tornado",
    "xllamacpp",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("kernel")


@pytest.fixture(scope="module")
def tenant():
    server = open_tenant()
    yield server
    server.close()


@contextmanager
def running(**env):
    """A kernel of this very interpreter, and its client; a kernel spec of the machine could be another's."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, **env}, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=WAIT_S)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module", autouse=True)
def kernel_spec(place):
    write_kernel_spec(place / "kernels" / "python3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(place))
        yield


@pytest.fixture(scope="module")
def started(tenant, place, kernel_spec):
    """One kernel for the module."""
    env = {**environment(tenant, place), "IPYTHONDIR": str(place), "JPY_SESSION_NAME": "a.ipynb"}
    with running(**env) as (manager, client):
        client.execute_interactive("%load_ext asksage_jupyter", timeout=WAIT_S)
        yield manager, client


@pytest.fixture
def kernel(started, tenant):
    says(tenant, "The sky is blue.")
    return Notebook(*started)


class Notebook:
    """A front end's side of the kernel."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    def run(self, code, *, cell=CELL, stop_when=None, **metadata):
        """Execute a cell; returns its reply, and its outputs as (type, content) in order.

        A notebook names the cell, a console does not.
        `stop_when` is given each output; when it says so, the kernel is interrupted.
        """
        message = self.client.session.msg(
            "execute_request", _execute(code), metadata=_metadata(cell) | metadata
        )
        self.client.shell_channel.send(message)
        mine, outputs = message["header"]["msg_id"], []
        while True:
            heard = self.client.get_iopub_msg(timeout=WAIT_S)
            if heard["parent_header"].get("msg_id") != mine:
                continue
            kind, content = heard["msg_type"], heard["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind not in ("status", "execute_input"):
                outputs.append((kind, content))
                if stop_when is not None and stop_when(kind, content):
                    self.manager.interrupt_kernel()
                    stop_when = None
        return self.client._recv_reply(mine, timeout=WAIT_S)["content"], outputs

    def run_beside(self, code):
        """Execute code in a subshell, which is handed it after all cells that were sent before."""
        asked = self.client.session.msg("create_subshell_request")
        self.client.control_channel.send(asked)
        made = self.client._recv_reply(asked["header"]["msg_id"], timeout=WAIT_S, channel="control")
        message = self.client.session.msg("execute_request", _execute(code))
        message["header"]["subshell_id"] = made["content"]["subshell_id"]
        self.client.shell_channel.send(message)

    def value(self, expression):
        reply = self.client.execute("", user_expressions={"x": expression}, reply=True, timeout=WAIT_S)
        return reply["content"]["user_expressions"]["x"]["data"]["text/plain"]


def _execute(code):
    return {
        "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
        "stop_on_error": True,
    }  # fmt: skip


def _metadata(cell):
    return {"cellId": cell} if cell else {}


def shown(outputs):
    return [content["data"].get("text/plain") for kind, content in outputs if "data" in content]


def test_a_front_end_sees_whether_the_magics_are_loaded_before_it_asks_them(kernel):
    def signs():
        told = kernel.client.comm_info(target_name=TARGET, reply=True, timeout=WAIT_S)
        return len(told["content"]["comms"])

    assert signs() == 1
    kernel.run("%unload_ext asksage_jupyter")
    assert signs() == 0
    kernel.run("%load_ext asksage_jupyter")
    assert signs() == 1


def test_a_reply_streams_into_one_output_that_is_replaced(kernel):
    reply, outputs = kernel.run("%%asksage -o answer\nWhy is the sky blue?")
    assert reply["status"] == "ok"
    kinds = [kind for kind, _ in outputs]
    assert kinds[0] == "display_data"
    assert kinds[1:-1] == ["update_display_data"] * (len(kinds) - 2)
    assert kinds[-1] == "display_data"
    identities = {content["transient"]["display_id"] for _, content in outputs[:-1]}
    assert len(identities) == 1
    assert outputs[-2][1]["data"]["text/markdown"] == "The sky is blue."
    assert "63 tokens (billed)" in outputs[-1][1]["data"]["text/html"]
    assert kernel.value("answer") == "'The sky is blue.'"
    told = outputs[-1][1]["metadata"]["asksage"]
    assert told == {"tokens": 63, "held": 0, "words": "63 tokens billed"}


def test_the_usage_log_knows_the_notebook_and_the_cell_where_the_front_end_tells(kernel, place):
    kernel.run("%%asksage\nWhy?", cell="7f3a-cell")
    kernel.run("%%asksage\nWhy?", cell=None)
    ledger = Ledger(f"{place}/ledger.db")
    try:
        told, untold = ledger.calls(Account("localhost", "ada@example.org"))[-2:]
    finally:
        ledger.close()
    assert ("a.ipynb" in told, "7f3a-cell" in told) == (True, True)
    assert ("a.ipynb" in untold, "7f3a-cell" in untold) == (True, False)


def test_stop_keeps_what_came_marks_it_and_fails_the_cell(kernel, tenant):
    stalls_after(tenant, "The sky is")
    reply, outputs = kernel.run(
        "%%asksage -o answer\nWhy?", stop_when=lambda kind, content: kind == "display_data"
    )
    assert (reply["status"], reply["ename"]) == ("error", "Interrupted")
    assert len(reply["traceback"]) == 1
    assert "held" in reply["evalue"] and not re.search(r"\d", reply["evalue"])  # the receipt tells how much
    assert kernel.value("answer") == "'The sky is'"
    assert shown(outputs)[-2] == "The sky is"
    assert " · interrupted: about " in shown(outputs)[-1]
    assert "stay held" in outputs[-2][1]["data"]["text/html"]
    assert "held, no bill yet" in outputs[-2][1]["metadata"]["asksage"]["words"]
    _, outputs = kernel.run("%asksage")
    assert " held)" in shown(outputs)[0]


def test_a_failing_cell_stops_those_after_it(kernel):
    """Jupyter stops the cells that have arrived: a subshell lets the first go on when all have."""
    kernel.run("import threading; all_are_here = threading.Event()")
    codes = ["all_are_here.wait()", "%%asksage --max-tokens 1\nWhy?", "after = 'ran'"]
    sent = [kernel.client.execute(code, allow_stdin=False) for code in codes]
    kernel.run_beside("all_are_here.set()")
    _, first, second = [kernel.client._recv_reply(each, timeout=WAIT_S)["content"] for each in sent]
    assert (first["status"], first["ename"]) == ("error", "OverLimit")
    assert second["status"] == "aborted"


def test_code_arrives_as_the_next_cell(kernel, tenant):
    says(tenant, "So:\n```python\nprint(1)\n```")
    reply, outputs = kernel.run("%%asksage -f code\nA loop")
    assert reply["payload"] == [{"source": "set_next_input", "text": "print(1)", "replace": False}]
    assert "The code is in the new cell below." in outputs[0][1]["data"]["text/html"]
    assert outputs[0][1]["data"]["text/x-python"] == "print(1)"


def test_a_cell_that_is_run_again_keeps_the_one_cell_of_its_code(kernel, tenant):
    says(tenant, "So:\n```python\nprint(1)\n```")
    runs = [kernel.run("%%asksage -f code\nA loop", cell="asks-for-code") for _ in range(3)]
    assert [len(reply["payload"]) for reply, _ in runs] == [1, 0, 0]
    for _, outputs in runs[1:]:
        assert outputs[0][1]["data"]["text/markdown"] == "So:\n```python\nprint(1)\n```"
        assert "an earlier run" in shown(outputs)[-1]
    # Our front end marks the cells whose code it replaces.
    reply, _ = kernel.run("%%asksage -f code\nA loop", cell="asks-for-code", asksage={"cell": "made"})
    assert len(reply["payload"]) == 1


def test_who_inserts_no_cells_is_shown_the_code_itself(kernel, tenant):
    says(tenant, "So:\n```python\nprint(1)\n```")
    _, outputs = kernel.run("%%asksage -f code\nA loop", cell=None)
    assert outputs[0][1]["data"]["text/markdown"] == "So:\n```python\nprint(1)\n```"


@pytest.mark.parametrize("options", ["", "-f text", f"--compare {MODEL},{OTHER}", "--no-stream"])
def test_who_does_not_say_that_it_replaces_gets_the_whole_once(kernel, options):
    """jupyter console, qtconsole and recorders drop updates, and name no cell."""
    reply, outputs = kernel.run(f"%%asksage {options}\nWhy?", cell=None)
    assert reply["status"] == "ok"
    assert [kind for kind, _ in outputs] == ["display_data"] * 2
    assert shown(outputs)[0].count("The sky is blue.") == (2 if "compare" in options else 1)


@pytest.mark.parametrize("options", ["", f"--compare {MODEL},{OTHER}"])
def test_an_output_widget_gets_the_whole_once(kernel, options):
    _, outputs = kernel.run(
        "import ipywidgets\nwith ipywidgets.Output():\n"
        f"    get_ipython().run_cell_magic('asksage', {options!r}, 'Why?')"
    )
    displays = [each for each in outputs if each[0].endswith("display_data")]
    assert [kind for kind, _ in displays] == ["display_data"] * 2
    assert "The sky is blue." in shown(displays)[0]
    assert kernel.run("%%asksage\nWhy?")[1][1][0] == "update_display_data"  # outside of it again


def test_a_recorded_notebook_holds_the_whole(kernel, tenant, place, monkeypatch):
    """nbclient is what papermill and nbconvert run a notebook with."""
    for name, value in environment(tenant, place).items():
        monkeypatch.setenv(name, value)
    says(tenant, "So:\n```python\nprint(1)\n```")
    codes = ["%load_ext asksage_jupyter", "%%asksage\nA loop", "%%asksage -f code\nA loop"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in codes])
    NotebookClient(notebook, kernel_name="python3", timeout=WAIT_S).execute()
    for cell in notebook.cells[1:]:
        assert cell.outputs[0].data["text/markdown"] == "So:\n```python\nprint(1)\n```"


def test_a_terminal_sees_the_reply_while_it_arrives(tenant, place):
    stalls_after(tenant, "The sky is")
    program = "%load_ext asksage_jupyter\nget_ipython().run_cell_magic('asksage', '', 'Why?')"
    with subprocess.Popen(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", program],
        env={**os.environ, **environment(tenant, place), "IPYTHONDIR": str(place)},
        stdout=subprocess.PIPE,
        text=True,
    ) as terminal:
        assert terminal.stdout.read(len("The sky is")) == "The sky is"
        terminal.send_signal(signal.SIGINT)
        rest, _ = terminal.communicate(timeout=WAIT_S)
    assert "stay held until the bill is known" in rest


def test_a_capture_holds_the_whole_once(kernel):
    kernel.run("%%capture kept\nget_ipython().run_cell_magic('asksage', '', 'Why?')")
    assert kernel.value("[o.data['text/plain'] for o in kept.outputs][0]") == "'The sky is blue.'"
    assert kernel.value("[o.update for o in kept.outputs]") == "[False, False]"


def test_variables_go_into_the_prompt_and_json_comes_back_as_a_value(kernel, tenant):
    says(tenant, '{"country": "Portugal"}')
    kernel.run("city = 'Lisbon'")
    reply, _ = kernel.run('%%asksage -f json -o found\nWhere is {city}? As {"country": null}.')
    assert reply["status"] == "ok"
    assert questions(tenant)[-1].json["message"] == 'Where is Lisbon? As {"country": null}.'
    assert kernel.value("found['country']") == "'Portugal'"


@pytest.mark.parametrize(
    ("code", "at", "matches", "start"),
    [
        ("%asksage ba", 11, ["balance"], 9),
        ("%%asksage --for\nimport os", 15, ["--format"], 10),
        ("%%asksage --format=j\nWhy?", 20, ["--format=json"], 10),
        (f"%%asksage {MODEL[:3]}", 13, [MODEL], 10),
    ],
)
def test_tab_is_answered_over_the_wire(kernel, code, at, matches, start):
    answer = kernel.client.complete(code, at, reply=True, timeout=WAIT_S)["content"]
    assert (answer["matches"], answer["cursor_start"], answer["cursor_end"]) == (matches, start, at)


def test_login_asks_for_the_key_as_a_password(kernel, tenant):
    asked = []

    def answer(message):
        asked.append(message["content"])
        kernel.client.input("key-from-the-prompt")

    outputs = []
    reply = kernel.client.execute_interactive(
        "%asksage login",
        allow_stdin=True,
        stdin_hook=answer,
        output_hook=lambda message: outputs.append(str(message["content"])),
        timeout=WAIT_S,
    )
    assert reply["content"]["status"] == "ok"
    assert [content["password"] for content in asked] == [True]
    assert "key-from-the-prompt" not in "".join(outputs)


def test_the_key_is_nowhere_in_what_the_kernel_says_or_keeps(kernel, place, tenant):
    tenant.on(STREAM, {"response": "Token is invalid [1]", "status": 400})
    told = [kernel.run(code) for code in ("%%asksage\nWhy?", "%asksage version", "%config AskSage", "%tb")]
    assert KEY not in str(told)
    kept = contents(place)
    assert any(path.name == "ledger.db" for path in kept)
    assert not [path for path, data in kept.items() if KEY.encode() in data]


def test_a_first_cell_imports_next_to_nothing_once_the_kernel_was_idle(tenant, place):
    says(tenant, "The sky is blue.")
    env = {**environment(tenant, place), "ASKSAGE_LEDGER": str(place / "idle.db"), "IPYTHONDIR": str(place)}
    with running(**env) as started:
        kernel = Notebook(*started)
        kernel.run("%load_ext asksage_jupyter")
        kernel.run(
            "import asyncio, sys\nfrom asksage_jupyter import magic\n"
            "while magic._idle.has_more: await asyncio.sleep(0.01)\nbefore = set(sys.modules)"
        )
        assert kernel.run("%%asksage\nWhy?")[0]["status"] == "ok"
        new = "sorted(name for name in set(sys.modules) - before if 'asksage' in name or '.' not in name)"
        assert set(literal_eval(kernel.value(new))) <= LATE


def test_loading_touches_no_network_and_imports_nothing_heavy():
    program = f"""
import socket, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def refused(*_, **__): raise AssertionError("a socket was made")
before = set(sys.modules)
socket.socket = socket.create_connection = socket.getaddrinfo = refused
started = time.process_time()
shell.run_line_magic("load_ext", "asksage_jupyter")
print(time.process_time() - started, sorted((set(sys.modules) - before) & set({HEAVY!r})))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT_S, check=True
    )
    seconds, loaded = done.stdout.split(maxsplit=1)
    assert loaded.strip() == "[]"
    assert float(seconds) < 1  # a fault, not a figure: the figure is a benchmark's


@pytest.mark.parametrize(
    "first",
    [
        "import asksage_jupyter as sage; sage.balance()\n%load_ext asksage_jupyter",
        "%load_ext asksage_jupyter\nimport asksage_jupyter as sage; sage.balance()",
        "import asksage_jupyter as sage; sage.balance()",
    ],
    ids=["before it is loaded", "after", "never loaded"],
)
def test_the_settings_of_the_kernel_count_whatever_is_used_first(tenant, place, tmp_path, first):
    says(tenant, "The sky is blue.")
    profile = tmp_path / "profile_default"
    profile.mkdir()
    (profile / "ipython_config.py").write_text(
        f"c = get_config()\nc.AskSage.ledger = '{tmp_path}/team.db'\nc.AskSage.project = 'apollo'\n"
        "c.AskSage.zone = 'America/New_York'\n"
    )
    environs = environment(tenant, place) | {"ASKSAGE_LEDGER": f"{tmp_path}/ledger.db"}
    with running(**environs, IPYTHONDIR=str(tmp_path)) as started:
        kernel = Notebook(*started)
        reply, _ = kernel.run(f"{first}\nsage.ask('Why?')")
        assert reply["status"] == "ok"
        told = "(log := sage.usage())['project'].tolist(), str(log.asksage.by('day').index[0])[:2]"
        assert kernel.value(told) == "(['apollo'], '20')"
        assert kernel.value("sage.session.current().account.zone") == "'America/New_York'"
    assert not (tmp_path / "ledger.db").exists()


@pytest.fixture
def hesitant(kernel, tenant):
    """The tenant does not answer the first question for its models, and the kernel asks anew."""
    listed = tenant._script["/server/get-models"][0]
    tenant.on("/server/get-models", Played(stall_at=-1), listed)
    kernel.run("%config AskSage.timeout_s = 2.5")
    kernel.run("import asksage_jupyter.session as session; session.forget()")
    yield kernel
    tenant.on("/server/get-models", listed)
    kernel.run("%config AskSage.timeout_s = 300.0")


def test_who_is_asked_is_told_while_no_answer_is_there_and_not_any_more(hesitant):
    reply, outputs = hesitant.run("%asksage models")
    assert reply["status"] == "ok"
    asking, *ticks, gone, table = outputs
    assert asking[0] == "display_data"
    assert asking[1]["data"]["text/plain"].startswith("asking 127.0.0.1 · ")
    assert {kind for kind, _ in [*ticks, gone]} == {"update_display_data"}
    assert gone[1]["data"] == {"text/html": "", "text/plain": ""}  # of no height, and fit to be exported
    assert MODEL in table[1]["data"]["text/plain"]


def ends_when_told(tenant, path, told):
    """Let the tenant answer a question only once `told` holds of an output; returns what looks at them."""
    go, whole = threading.Event(), tenant._script[path][-1]
    tenant.on(path, lambda request: go.wait(WAIT_S) and whole)
    return lambda kind, content: told(content.get("data", {}).get("text/plain", "")) and go.set()


COUNTED = re.compile(rf"asking {MODEL} · about \d+ held · [1-9] s")


def test_a_cell_that_waits_tells_the_model_the_hold_and_the_seconds_and_the_reply_takes_its_place(
    kernel, tenant
):
    look = ends_when_told(tenant, STREAM, COUNTED.fullmatch)
    reply, outputs = kernel.run("%%asksage\nWhy?", stop_when=look)
    assert reply["status"] == "ok"
    shown, *updates, receipt = outputs
    assert (shown[0], receipt[0]) == ("display_data", "display_data")
    assert {kind for kind, _ in updates} == {"update_display_data"}
    assert len({content["transient"]["display_id"] for _, content in [shown, *updates]}) == 1
    assert updates[-1][1]["data"]["text/plain"] == "The sky is blue."


def test_a_cell_that_fails_after_it_waited_leaves_no_words_of_the_waiting(kernel, tenant):
    whole = tenant._script[STREAM][-1]
    tenant._script[STREAM][-1] = {"response": "Invalid dataset", "status": 400}
    look = ends_when_told(tenant, STREAM, lambda text: text.startswith(f"asking {MODEL}"))
    reply, outputs = kernel.run("%%asksage\nWhy?", stop_when=look)
    tenant.on(STREAM, whole)
    assert reply["status"] == "error"
    displays = [content["data"] for kind, content in outputs if kind.endswith("display_data")]
    assert displays[-1] == {"text/html": "", "text/plain": ""}


def test_one_place_tells_of_all_the_waiting_of_a_cell(kernel, tenant):
    look = ends_when_told(tenant, QUERY, lambda text: text.startswith(f"asking {MODEL}"))
    asks = "import asksage_jupyter as sage\nfor _ in range(2): sage.ask('Why?')"
    _, outputs = kernel.run(asks, stop_when=look)
    assert [kind for kind, _ in outputs].count("display_data") == 1
    assert outputs[-1][1]["data"] == {"text/html": "", "text/plain": ""}


def test_a_console_is_told_once_who_is_asked(hesitant):
    _, outputs = hesitant.run("%asksage models", cell=None)
    said = "".join(content["text"] for kind, content in outputs if kind == "stream")
    assert said == "asking 127.0.0.1 ...\n"


def test_a_stop_while_nobody_answers_is_one_line(hesitant):
    reply, _ = hesitant.run("%asksage models", stop_when=lambda kind, content: kind == "display_data")
    told = "stopped: %asksage models did not come to its end."
    assert (reply["ename"], reply["evalue"]) == ("Interrupted", told)
    assert len(reply["traceback"]) == 1


LAST = "[(str(n), str(c)) for n, c in sage.usage()[['notebook', 'cell']].to_numpy(object)][-1]"


def test_a_thread_of_an_earlier_cell_is_not_booked_to_a_later_one(kernel):
    kernel.run(
        "import asksage_jupyter as sage, threading\ngo = threading.Event()\n"
        "late = threading.Thread(target=lambda: go.wait() and sage.ask('Why?'))\nlate.start()",
        cell="earlier",
    )
    kernel.run("go.set(); late.join()", cell="later")
    assert kernel.value(LAST)[-7:] != "later')"
    kernel.run("at_once = threading.Thread(target=sage.ask, args=['Why?'])\nat_once.start(); at_once.join()")
    assert kernel.value(LAST).endswith(f"'{CELL}')")


BEGUN = {
    "a task": (
        "async def late():\n    await go.wait()\n    sage.ask('Why?')\nlater = asyncio.create_task(late())"
    ),
    "a thread of asyncio": (
        "ask = lambda: free.wait() and sage.ask('Why?')\nlater = asyncio.create_task(asyncio.to_thread(ask))"
    ),
    "a thread with a context": (
        "ask = functools.partial(contextvars.copy_context().run, sage.ask, 'Why?')\n"
        "thread = threading.Thread(target=lambda: free.wait() and ask())\nthread.start()\n"
        "later = asyncio.create_task(asyncio.to_thread(thread.join))"
    ),
}


@pytest.mark.parametrize("begun", BEGUN)
def test_what_began_in_an_earlier_cell_is_booked_to_that_cell(kernel, begun):
    kernel.run(
        "import asksage_jupyter as sage, asyncio, contextvars, functools, threading\n"
        f"go, free = asyncio.Event(), threading.Event()\n{BEGUN[begun]}\nawait asyncio.sleep(0)",
        cell="earlier",
    )
    kernel.run("go.set(); free.set(); await later", cell="later")
    assert kernel.value(LAST).endswith("'earlier')")
    kernel.run("sage.ask('Why?')")
    assert kernel.value(LAST).endswith(f"'{CELL}')")


def test_a_child_notebook_is_not_booked_to_the_one_that_runs_it(kernel, tenant, place):
    """As papermill and nbclient start it: with the environment of the kernel they run in."""
    codes = "import asksage_jupyter as sage; sage.ask('Why, child?')"
    reply, _ = kernel.run(
        "import nbformat, nbclient\n"
        f"child = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell({codes!r})])\n"
        "_ = nbclient.NotebookClient(child, kernel_name='python3').execute()\n"
        "import asksage_jupyter as sage"
    )
    assert reply["status"] == "ok", reply
    assert "a.ipynb" not in kernel.value(LAST)
    kernel.run("sage.ask('Why, driver?')")
    assert "a.ipynb" in kernel.value(LAST)


def test_vs_code_tells_the_notebook_in_a_variable(kernel):
    kernel.run("import asksage_jupyter as sage\n__vsc_ipynb_file__ = '/notes/tides.ipynb'\nsage.ask('Why?')")
    assert "/notes/tides.ipynb" in kernel.value(LAST)
    kernel.run("del __vsc_ipynb_file__")
