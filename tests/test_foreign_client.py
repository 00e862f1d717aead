"""A client that nobody here wrote spends beside a kernel: PyPI's asksage-proxy, run as a program."""

import json
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from announced import announced
from patience import WAIT_S

import asksage_jupyter as sage
from asksage_jupyter.account import Meter, Source
from asksage_jupyter.reconciling import reconcile
from asksage_jupyter.session import current

pytest.importorskip("asksage_proxy", reason="pip install asksage-proxy")


@contextmanager
def proxy(demo, folder):
    """The proxy's address; it listens on a free port, and keeps what it keeps in `folder`."""
    settings = {
        "host": "127.0.0.1",
        "port": 0,
        "api_keys": [{"key": demo.key}],
        "asksage_server_base_url": f"{demo.url}/server",
        "asksage_user_base_url": f"{demo.url}/user",
    }
    (folder / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "asksage_proxy.app"],
        cwd=folder,
        env={"HOME": str(folder), "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield announced(process, r"Running on (http://127\.0\.0\.1:\d+)")[1]
    finally:
        process.terminate()
        process.wait(timeout=WAIT_S)
        process.stdout.close()


def ask_the_proxy(address, model, prompt):
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    reply = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=WAIT_S, trust_env=False)
    assert reply.status_code == 200, reply.text
    return reply.json()["choices"][0]["message"]["content"]


def test_its_use_is_booked_once_as_another_devices(at_demo, tmp_path):
    session = current()
    ledger, account = session.ledger, session.account
    started = session.balance().inference.used
    with proxy(at_demo, tmp_path) as address:
        assert at_demo.model in httpx.get(f"{address}/v1/models", trust_env=False).text
        own = [sage.ask(f"Name a sea, {number}.") for number in range(2)]
        theirs = [ask_the_proxy(address, at_demo.model, f"Name a river, {number}.") for number in range(2)]
        assert all(theirs)
        own.append(sage.ask("Name a lake."))
    used_here = sum(reply.tokens for reply in own)
    assert ledger.balance(account).inference.used == started + used_here

    found = reconcile(session, sleep=lambda _: None)
    counter = session.service.used(Meter.INFERENCE)
    elsewhere = counter - started - used_here
    assert elsewhere > 0  # a ping at its start, and two questions
    assert found.corrections == {"inference": elsewhere}
    assert ledger.balance(account).inference.used == counter
    calls = sage.usage()
    assert (calls["tokens"].sum(), set(calls["source"])) == (used_here, {Source.BILLED})

    again = reconcile(session, sleep=lambda _: None)
    assert (again.corrections, again.settled) == ({}, ())
    assert ledger.balance(account).inference.used == counter
