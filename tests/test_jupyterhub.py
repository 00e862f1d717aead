"""The docs' recipe for JupyterHub: three people's real servers and kernels spend from one pool at once."""

import os
import re
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from certipy import Certipy
from hub_desk import family, recipe, running_hub, stop
from patience import WAIT_S
from scripted import EXCHANGE, STREAM, Played, Scripted, envelope, pieces
from tenant import MODEL

from asksage_jupyter.account import Account
from asksage_jupyter.ledger import LedgerView

pytest_plugins = ["postgres_server"]

PAGE = (Path(__file__).parents[1] / "docs" / "jupyterhub.md").read_text(encoding="utf-8")
PEOPLE = ("ada", "ben", "cyd")
POOL = 3_000
TOGETHER = 5  # questions of each that wait for the others'
HOST = "localhost"
HOLDERS = "import asksage_jupyter; sorted(set(asksage_jupyter.usage(all_holders=True).user))"
VARIABLES = "import os; print(*sorted(name for name in os.environ if name.startswith(('ASKSAGE_', 'PG'))))"
REFUSAL = (
    r"\x1b\[1mNotEnoughTokens\x1b\[22m: not enough inference tokens: \d+ needed, "
    r"the pool lab has \d+ left until .+\. "
    r"Nothing was sent; ask the pool's owner for more\."
)


class Tenant:
    """A service with an account for each person: it bills every answer, and keeps count.

    The first questions of each person are answered when everybody has asked as many.

    Attributes
    ----------
    billed : dict
        Each person's bills, in their order.
    """

    def __init__(self, tls):
        self.billed = {name: [] for name in PEOPLE}
        self.keys = {name: f"key-of-{name}-4b1d" for name in PEOPLE}
        self._together = threading.Barrier(len(PEOPLE))
        self._server = Scripted(tls=tls)
        self.url, self.close = self._server.url, self._server.close
        rates = {"prompt": 0.1, "completion": 0.4}
        models = [{"id": MODEL, "display_name": MODEL, "vendor": "Sage", "token_conversion_rate": rates}]
        self._server.on("/server/get-models", {"response": models, "status": 200})
        self._server.on(EXCHANGE, self._exchange)
        self._server.on("/server/count-monthly-tokens", self._count)
        self._server.on("/server/count-monthly-teach-tokens", {"response": 0, "status": 200})
        self._server.on(STREAM, self._answer)

    def _exchange(self, request):
        name = request.json["email"].removesuffix("@agency.gov")
        if request.json["api_key"] != self.keys.get(name):
            return {"response": "Token is invalid [1]", "status": 400}
        return {"response": {"access_token": f"token-of-{name}"}, "status": "200"}

    def _count(self, request):
        return {"response": sum(self._bills_of(request)), "status": 200}

    def _answer(self, request):
        bills = self._bills_of(request)
        if len(bills) < TOGETHER:
            self._together.wait(WAIT_S)
        bills.append(31 + len(bills) % 7)
        usage = {"model_tokens": {"completion_tokens": 9, "prompt_tokens": 40}, "asksage_tokens": bills[-1]}
        return Played(pieces(envelope("Blue.", usage=usage, provenance={"model": MODEL})), framing="chunked")

    def _bills_of(self, request):
        return self.billed[request.token.removeprefix("token-of-")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def authority(folder):
    certipy = Certipy(store_dir=str(folder / "tls"))
    certipy.create_ca("lab")
    return certipy


@pytest.fixture(scope="module")
def tenant(authority):
    """The service, with a certificate of the lab's own authority."""
    pair = authority.create_signed_pair("tenant", "lab", alt_names=["IP:127.0.0.1"])["files"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair["cert"], pair["key"])
    tenant = Tenant(context)
    yield tenant
    tenant.close()


@pytest.fixture(scope="module")
def database(postgres):
    return postgres.new_database()


@pytest.fixture(scope="module")
def settings(tenant, authority, postgres, database, folder):
    """The hub's environment, after its administrator did what the docs say."""
    settings = {
        "ASKSAGE_URL": tenant.url,
        "ASKSAGE_CA_BUNDLE": authority.store.get_record("lab")["files"]["cert"],
        "ASKSAGE_LEDGER": f"postgresql:///{database}?host={postgres.folder}",
        "ASKSAGE_SECRETS": str(folder / "secrets"),
    }
    passwords = {name: f"password-of-{name}-9c2e" for name in PEOPLE}
    for kind, secrets in (("keys", tenant.keys), ("passwords", passwords)):
        place = folder / "secrets" / kind
        place.mkdir(parents=True)
        for name, secret in secrets.items():
            (place / name).write_text(f"{secret}\n")
    team(settings, "init", "--pool", "lab", "--monthly", str(POOL), "--training", "1000")
    for name, password in passwords.items():
        team(settings, "add", f"{name}@agency.gov")
        postgres.execute(f"ALTER ROLE {name} PASSWORD '{password}'")
    # The server trusts who comes over its socket; the people must tell their passwords.
    rules = postgres.folder / "data" / "pg_hba.conf"
    rules.write_text(f"local {database} {','.join(PEOPLE)} scram-sha-256\n{rules.read_text()}")
    postgres.execute("SELECT pg_reload_conf()")
    return settings


def team(settings, *arguments):
    """Run ``asksage-jupyter team`` as the ledger's owner."""
    command = [sys.executable, "-m", "asksage_jupyter.cli", "team", *arguments]
    environment = {**os.environ, **settings, "ASKSAGE_EMAIL": "owner@agency.gov", "PGUSER": "asksage"}
    subprocess.run(command, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def hub(settings, folder):
    with running_hub(folder, recipe(PAGE), settings) as hub:
        yield hub


@pytest.fixture(scope="module")
def people(hub):
    """Everybody's server, ready."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(hub.sign_in, PEOPLE))


class Spent(NamedTuple):
    """What a person saw who spent until they were refused."""

    error: list[str]
    holders: str
    variables: str


@pytest.fixture(scope="module")
def spent(people):
    """Everybody spends at once; by person."""
    with ThreadPoolExecutor() as threads:
        return dict(zip(PEOPLE, threads.map(spend, people), strict=True))


def spend(person):
    with person.kernel(f"{person.name}.ipynb") as kernel:
        kernel.shows("%load_ext asksage_jupyter")
        while not (ran := kernel.run(f"%%asksage {MODEL}\nWhat colour is the sky?")).error:
            pass
        return Spent(ran.error, kernel.shows(HOLDERS), kernel.shows(VARIABLES))


def test_three_kernels_exhaust_one_pool_and_take_not_a_token_more(spent, tenant, postgres, database):
    billed = {name: sum(bills) for name, bills in tenant.billed.items()}
    assert all(len(bills) > TOGETHER for bills in tenant.billed.values())
    with closing(LedgerView(postgres.url(database))) as view:
        pool = view.balance(Account.of_pool(HOST, "lab")).inference
        assert (pool.used, pool.held) == (sum(billed.values()), 0)
        assert 0 <= pool.remaining < POOL // 10
        assert {name: view.balance(account_of(name)).inference.used for name in PEOPLE} == billed
        assert view.verify().problems == ()
    lines = [" ".join(line.split()) for person in spent.values() for line in person.error]
    assert len(lines) == len(PEOPLE)
    assert all(re.fullmatch(REFUSAL, line) for line in lines)
    assert any(f"the pool lab has {pool.remaining:,} left" in line for line in lines)


def test_each_sidebar_shows_its_own_figures_and_the_pools(people, spent, tenant):
    for person in people:
        bills = tenant.billed[person.name]
        balance, month = person.get("asksage/balance").json(), person.get("asksage/month").json()
        inference = balance["meters"][0]
        assert (balance["state"], balance["account"]["holder"]) == ("known", account_of(person.name).holder)
        assert (inference["used"], inference["held"]) == (sum(bills), 0)
        assert inference["pool"]["used"] == sum(map(sum, tenant.billed.values()))
        assert sum(day["used"] for day in month["days"]) == sum(bills)
        assert [call["tokens"] for call in month["calls"]] == bills[: -len(month["calls"]) - 1 : -1]
        assert {Path(call["notebook"]).name for call in month["calls"]} == {f"{person.name}.ipynb"}


def test_a_server_compares_its_own_account_with_the_service(people, spent):
    assert people[0].post("asksage/refresh").json()["note"] == "Agrees with the service."


def test_nobody_reaches_anothers_server_or_rows(people, spent):
    ada, ben, _ = people
    assert ada.get("asksage/balance", of=ben).status_code == 403
    assert {name: person.holders for name, person in spent.items()} == {
        name: str([account_of(name).holder]) for name in PEOPLE
    }


def test_a_server_is_given_what_the_recipe_tells_and_no_more(spent):
    given = ("API_KEY", "CA_BUNDLE", "EMAIL", "LEDGER", "URL")
    expected = [*(f"ASKSAGE_{name}" for name in given), "PGPASSWORD", "PGUSER"]
    assert {person.variables for person in spent.values()} == {" ".join(expected)}


def test_the_hub_ends_and_leaves_no_process(hub, spent):
    processes = family(hub.process)
    assert len(processes) >= 2 + 2 * len(PEOPLE)  # the hub, its proxy, the servers and their kernels
    assert stop(processes) == []
    assert hub.process.returncode == 0


def account_of(name):
    return Account(HOST, f"{name}@agency.gov")
