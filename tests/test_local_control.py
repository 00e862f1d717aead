"""The local service under a test's control: its clock, its faults, another device, and its own accounting."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from operator import mul

import controlled
import httpx
import pytest
from patience import WAIT_S

from asksage_jupyter.account import Meter
from asksage_jupyter.errors import BadInput, BadKey, ReplyLost, Unavailable
from asksage_jupyter.month import bounds, period_at, to_instant
from asksage_jupyter.service import Query, Secret, Service

pytestmark = pytest.mark.long

SECOND = 1_000_000
SEPARATOR = "@|@sep@|@"
ASK = {"message": "Count what this costs, please.", "system_prompt": "Be brief.", "usage": True}
QUERY = Query(prompt=ASK["message"], model="local-echo", system="Be brief.")
ALLOTMENT = 200_000
months = count(2027 * 12, 4)  # a test may go on to the three after its own


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("controlled")
    with (
        controlled.start(folder) as service,
        controlled.Control(service) as control,
    ):
        yield service, control


@pytest.fixture
def service(running):
    return running[0]


@pytest.fixture
def month():
    """A month in which nothing was spent yet; its 23rd at nine."""
    number = next(months)
    return to_instant(datetime(number // 12, number % 12 + 1, 23, 9, tzinfo=UTC))


@pytest.fixture
def control(running, month):
    _, control = running
    control.set_clock(month)
    control.clear_faults()
    control.decide(approved=False)
    control.plan(
        max_tokens=ALLOTMENT,
        max_train_tokens=ALLOTMENT,
        requests_last=False,
        requests_wait=False,
        pool=-1,
    )
    return control


@pytest.fixture
def client(service, control):
    headers = {"x-access-tokens": service.key}
    with httpx.Client(base_url=service.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def ours(service, control):
    dates = []
    ours = Service(
        service.url, Secret(service.key), email=service.email, sleep=lambda _: None, on_date=dates.append
    )
    ours.dates = dates
    yield ours
    ours.close()


def end_of(month):
    return bounds(period_at(month))[1]


def said(client, path, **fields):
    reply = client.post(path, json=fields)
    assert reply.status_code == 200
    return reply.json()


def used(client, meter=Meter.INFERENCE):
    name = "count-monthly-tokens" if meter is Meter.INFERENCE else "count-monthly-teach-tokens"
    return said(client, f"/server/{name}")["response"]


def left(client):
    return said(client, "/server/count-monthly-tokens-left-with-org")["response"]


def log(client, **fields):
    return said(client, "/user/get-user-logs", **fields)["response"]


def logged(client, month, meter=Meter.INFERENCE):
    """The month's bills of a meter by the log, newest first."""
    period, teach = period_at(month), str(meter is Meter.TRAINING)
    rows = [row for row in log(client) if row["date_time"].startswith(period)]
    return [row["total_tokens"] for row in rows if row["teach"] == teach]


def assert_agree(client, month):
    for meter in Meter:
        assert used(client, meter) == sum(logged(client, month, meter))


def bill(client, **fields):
    return said(client, "/server/query", **ASK | fields)["usage"]["asksage_tokens"]


# -- closed by default -------------------------------------------------------------------------------


def test_the_demo_itself_has_no_controls(demo):
    for name in ("clock", "faults", "spend", "plan"):
        reply = httpx.post(
            f"{demo.url}/demo/{name}", json={}, headers={"x-access-tokens": demo.key}, trust_env=False
        )
        assert reply.status_code == 404


def test_the_controls_need_the_key(service):
    reply = httpx.post(f"{service.url}/demo/spend", json={"tokens": 5}, trust_env=False)
    assert reply.json() == {"response": "Token is invalid [1]", "status": 400}


def test_what_the_controls_do_not_take_is_told_in_a_line(control):
    with pytest.raises(BadInput, match="no such fault; the kinds are overloaded, invalid-token"):
        control.fault("earthquake")
    with pytest.raises(BadInput, match="no such fault"):
        control.fault("overloaded", magnitude=7)
    for wrong in ({"calls": "few"}, {"until": "noon"}):
        with pytest.raises(BadInput, match="no such fault"):
            control.fault("late-log", **wrong)
    with pytest.raises(BadInput, match="whole numbers"):
        control.spend("many")
    with pytest.raises(BadInput, match="whole number of tokens"):
        control.plan(max_tokens="many")
    with pytest.raises(BadInput, match="seconds since 1970"):
        control._post("clock", {"now": "noon"})


# -- the echo ----------------------------------------------------------------------------------------


def test_the_echo_says_the_prompt(client, month):
    reply = said(client, "/server/query", **ASK)
    assert reply["message"].strip() == ASK["message"]
    assert reply["provenance"]["model"] == "local-echo"
    again = said(client, "/server/query", **ASK)
    assert again["usage"] == reply["usage"]
    assert_agree(client, month)


def test_too_long_a_prompt_is_refused_and_a_long_reply_is_cut(client, month):
    assert said(client, "/server/query", message="word " * 3000)["message"].startswith(
        "Sorry, it is too long"
    )
    counts = said(client, "/server/query", **ASK | {"message": "word " * 1500})["usage"]["model_tokens"]
    assert 0 < counts["completion_tokens"] <= 256
    assert_agree(client, month)


def test_two_kernels_and_another_device_are_counted_to_the_token(client, control, service, month):
    def kernel(_):
        headers = {"x-access-tokens": service.key}
        with httpx.Client(base_url=service.url, headers=headers, trust_env=False) as own:
            return sum(bill(own) for _ in range(15))

    with ThreadPoolExecutor(2) as kernels:
        told = kernels.map(kernel, range(2))
        for _ in range(15):
            control.spend(3)
        total = sum(told) + 15 * 3
    assert used(client) == total
    assert_agree(client, month)


# -- the clock ---------------------------------------------------------------------------------------


def test_months_log_times_and_the_date_follow_the_clock(client, control, ours, month):
    tokens = bill(client)
    assert (used(client), left(client)) == (tokens, ALLOTMENT - tokens)
    later = end_of(month) + 20 * SECOND
    control.set_clock(later)
    assert (used(client), left(client)) == (0, ALLOTMENT)
    reply = said(client, "/server/query", **ASK)
    assert to_instant(datetime.fromisoformat(reply["provenance"]["timestamp"])) == later
    assert [to_instant(datetime.fromisoformat(row["date_time"])) for row in log(client, limit=2)] == [
        later,
        month,
    ]
    ours.used(Meter.INFERENCE)
    assert to_instant(ours.dates[-1]) == later
    control.set_clock(month)
    assert used(client) == tokens


def test_the_last_microsecond_of_a_month_is_still_that_month(client, control, month):
    for t in (end_of(month) - 1, end_of(month)):
        control.set_clock(t)
        control.spend(7)
        assert used(client) == 7


def test_without_a_set_clock_the_real_one_runs(client, control):
    control.set_clock(None)
    date = client.post("/server/get-personas").headers["date"]
    told = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - told).total_seconds()) < 60


# -- limits ------------------------------------------------------------------------------------------


def limits(client):
    user = said(client, "/user/validate_token_with_full_user")["response"]
    return user["max_tokens"], user["max_train_tokens"]


def test_a_plan_changes_within_the_month_and_lasts(client, control, month):
    control.spend(100)
    control.plan(max_tokens=50)
    assert (limits(client), left(client)) == ((50, ALLOTMENT), 0)
    assert said(client, "/server/query", **ASK)["message"].startswith("Sorry, you have used all")
    control.plan(max_train_tokens=70)
    control.set_clock(end_of(month))
    assert (limits(client), left(client)) == ((50, 70), 50)


def test_requested_tokens_are_granted_for_the_month_or_for_good(client, control, month):
    def requested(amount):
        return said(client, "/user/request-tokens", requested_amount=amount, reason="a long report")

    told = requested(5_000)["response"]
    assert told == {
        "request_id": told["request_id"],
        "status": "auto_approved",
        "old_tokens": ALLOTMENT,
        "new_tokens": ALLOTMENT + 5_000,
    }
    assert limits(client) == (205_000, ALLOTMENT)
    control.set_clock(end_of(month))
    assert limits(client) == (ALLOTMENT, ALLOTMENT)
    control.plan(requests_last=True)
    requested(1_000)
    control.set_clock(end_of(end_of(month)))
    assert limits(client) == (201_000, ALLOTMENT)
    for amount in (0, -5, "many"):
        assert requested(amount)["status"] == 400


def test_a_request_can_wait_for_a_decision(client, control, month):
    control.plan(requests_wait=True)
    asked = {"requested_amount": 50_000, "reason": "a survey", "token_type": "training"}
    told = said(client, "/user/request-tokens", **asked)["response"]
    assert (told["status"], told["new_tokens"]) == ("pending", ALLOTMENT)
    assert limits(client) == (ALLOTMENT, ALLOTMENT)
    listed, *_ = said(client, "/user/get-my-token-requests")["response"]
    assert {name: listed[name] for name in asked} == asked
    assert (listed["status"], listed["allocation_at_request"]) == ("pending", ALLOTMENT)
    assert said(client, "/user/request-tokens", **asked)["status"] == 400  # one is pending
    control.decide(approved=True)
    listed, *_ = said(client, "/user/get-my-token-requests")["response"]
    assert (listed["status"], limits(client)) == ("approved", (ALLOTMENT, ALLOTMENT + 50_000))


def test_a_pool_bounds_what_is_left(client, control, month):
    control.plan(pool=3_100)
    assert (limits(client)[0], left(client)) == (ALLOTMENT, 3_100)
    control.plan(max_tokens=-1)
    assert said(client, "/server/count-monthly-tokens-left-with-org")["status"] == 500


def test_limits_and_datasets_outlive_the_service(tmp_path):
    for first in (True, False):
        with (
            controlled.start(tmp_path) as service,
            controlled.Control(service) as control,
            httpx.Client(
                base_url=service.url, headers={"x-access-tokens": service.key}, trust_env=False
            ) as client,
        ):
            if first:
                control.plan(max_tokens=77)
                said(client, "/server/add-dataset", dataset="mine")
            assert limits(client) == (77, ALLOTMENT)
            assert said(client, "/server/get-datasets")["response"] == ["mine"]


# -- another device ----------------------------------------------------------------------------------


def test_another_device_spends_by_counter_and_log(client, control, month):
    control.spend(40, model="gpt-4.1", input_tokens=9, output_tokens=3)
    control.spend(6, Meter.TRAINING)
    taught, asked = log(client, limit=2)
    assert (asked["model"], asked["total_tokens"], asked["prompt_tokens"]) == ("gpt-4.1", 40, 9)
    assert (taught["model"], taught["teach"]) == ("another-device", "True")
    assert (used(client), used(client, Meter.TRAINING)) == (40, 6)
    assert_agree(client, month)


# -- training, datasets, plugins ---------------------------------------------------------------------


def test_datasets_are_added_once_and_by_training(client):
    names = set(said(client, "/server/get-datasets")["response"])
    assert said(client, "/server/add-dataset", dataset="plans", classification="CUI")["status"] == 200
    for wrong in ({"dataset": "plans"}, {"dataset": " "}, {"dataset": "x", "classification": "Secret"}):
        assert said(client, "/server/add-dataset", **wrong)["status"] == 400
    said(client, "/server/train", content="Some words.", force_dataset="notes", context="not counted")
    listed = said(client, "/server/get-datasets")["response"]
    assert listed == sorted(names | {"plans", "notes"})


@pytest.mark.parametrize(
    ("name", "body", "training", "inference"),
    [
        ("notes.md", b"one two three", 4, 0),
        ("empty.txt", b"", 0, 0),
        ("report.PDF", b"%PDF\xff", 575, 0),
        ("report.docx", b"PK\xff", 571, 0),
        ("photo.jpg", b"\xff\xd8", 566, 777),
        ("talk.mp3", b"ID3\xff", 431, 1_300),
    ],
)
def test_a_file_is_billed_by_its_text_or_like_the_recorded_sample(
    client, month, name, body, training, inference
):
    reply = client.post("/server/train-with-file", data={"dataset": "files"}, files={"file": (name, body)})
    assert (reply.status_code, reply.json()["status"]) == (200, 200)
    assert (used(client, Meter.TRAINING), used(client)) == (training, inference)
    assert_agree(client, month)


def test_a_file_that_cannot_be_trained_on_costs_nothing(client, control):
    control.plan(max_tokens=0)
    files = {"other.bin": b"\xff\xfe\xff", "talk.mp3": b"ID3"}
    for name, body in files.items():
        assert client.post("/server/train-with-file", files={"file": (name, body)}).json()["status"] == 400
    assert client.post("/server/train-with-file", data={"dataset": "files"}).json()["status"] == 400
    assert (used(client, Meter.TRAINING), used(client)) == (0, 0)


def test_training_stops_where_its_meter_ends(client, control):
    control.plan(max_train_tokens=3)
    assert said(client, "/server/train", content="one two three")["status"] == 200
    refused = said(client, "/server/train", content="one two three")
    assert (refused["status"], used(client, Meter.TRAINING)) == (400, 4)
    assert "token limit exceeded" in refused["response"]


def test_plugins_are_listed_and_executed_on_the_inference_meter(client, month):
    plugins = said(client, "/server/get-plugins")["response"]
    assert {plugin["plugin_name"]: plugin["fields"] for plugin in plugins} == {
        "Summarize": ["text"],
        "Translate": ["language", "text"],
    }
    values = json.dumps({"language": "French", "text": "Good {morning}."})
    asked = {"plugin_name": "Translate", "plugin_values": values, "usage": True}
    reply = client.post("/server/execute-plugin", json=asked)
    assert reply.headers["Content-Type"].startswith("text/plain")
    *_, last = (json.loads(frame) for frame in reply.text.split(SEPARATOR)[:-1])
    assert last["message"].strip() == "Translate this text into French:\n\nGood {morning}."
    assert last["usage"] is None  # this route tells none
    assert used(client) > 0
    assert_agree(client, month)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "There is no plugin ''."),
        ({"plugin_name": "Fly"}, "There is no plugin 'Fly'."),
        ({"plugin_name": "Translate", "plugin_values": "no JSON"}, "needs a value for language and text"),
        ({"plugin_name": "Summarize", "plugin_values": {"text": " "}}, "needs a value for text"),
    ],
)
def test_a_plugin_that_is_called_wrongly_says_so_and_costs_nothing(client, fields, says):
    [frame] = client.post("/server/execute-plugin", json=fields).text.split(SEPARATOR)[:-1]
    reply = json.loads(frame)
    assert reply["status"] == 400
    assert says in reply["response"]
    assert used(client) == 0


def test_follow_up_questions_come_one_a_line_and_are_billed(client, control, month):
    reply = said(client, "/server/follow-up-questions", message="- Why?\n2. And then?")
    assert reply["message"].splitlines()[1:] == ["Why?", "And then?"]
    assert (reply["response"], reply["usage"]) == ("OK", None)
    assert used(client) > 0
    assert_agree(client, month)
    assert said(client, "/server/follow-up-questions", message="")["status"] == 400
    control.plan(max_tokens=0)
    for path, fields in (
        ("follow-up-questions", {"message": "Hi"}),
        ("execute-plugin", {"plugin_name": "Summarize", "plugin_values": {"text": "Hi"}}),
    ):
        assert "Sorry, you have used all" in client.post(f"/server/{path}", json=fields).text


def test_our_own_client_uses_every_route(client, ours, month, tmp_path):
    ours.add_dataset("ours")
    assert "ours" in ours.datasets()
    ours.train("one two three", "ours", context="a file")
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"\x89PNG")
    ours.train_file(photo, "ours")
    assert ours.used(Meter.TRAINING) == 4 + 566
    plugin = ours.plugins()[0]
    assert (plugin.name, plugin.parameters) == ("Summarize", ("text",))
    answer = ours.execute_plugin("Summarize", {"text": "Good morning."}, "local-echo")
    assert answer.text.endswith("Good morning.")
    assert len(ours.follow_up("Hi", "local-echo").text.splitlines()) == 2
    ours.request_tokens(500, "a long report")
    assert ours.limits().inference == ALLOTMENT + 500
    rows = ours.log(limit=5)
    assert answer.tokens is None  # its bill is in the log alone
    assert [row.tokens for row in rows if not row.teach][-1] == 777
    assert ours.used(Meter.INFERENCE) == sum(row.tokens for row in rows if not row.teach)
    assert {row.sent_at for row in rows} == {month}
    assert_agree(client, month)


def test_the_real_model_answers_plugins_and_follow_ups(demo):
    headers = {"x-access-tokens": demo.key}
    with httpx.Client(base_url=demo.url, headers=headers, trust_env=False, timeout=WAIT_S) as client:
        values = {"text": "The meeting is on Monday at nine, in the large room."}
        asked = {"plugin_name": "Summarize", "plugin_values": values}
        *_, last = client.post("/server/execute-plugin", json=asked).text.split(SEPARATOR)[:-1]
        assert json.loads(last)["message"].strip()
        assert said(client, "/server/follow-up-questions", message="Hi")["message"].strip()


# -- faults ------------------------------------------------------------------------------------------


def test_an_overloaded_call_is_a_soft_error_that_costs_nothing(client, control, ours):
    control.fault("overloaded", times=2)
    assert "overloaded" in said(client, "/server/query", **ASK)["message"]
    assert said(client, "/server/train", content="x")["status"] == 503
    control.fault("overloaded", times=100, route="/server/query")
    with pytest.raises(Unavailable):
        ours.query(QUERY)
    assert (used(client), used(client, Meter.TRAINING)) == (0, 0)


def test_an_invalid_token_is_refused_once_and_then_taken_again(client, control, ours):
    control.fault("invalid-token", times=2)
    assert said(client, "/server/query", **ASK) == {"response": "Token is invalid [2]", "status": 400}
    assert said(client, "/server/get-personas")["status"] == 400
    assert used(client) == 0
    control.fault("invalid-token")
    assert ours.query(QUERY).tokens == used(client)  # signs in again
    control.fault("invalid-token", times=10)
    with pytest.raises(BadKey):
        ours.query(QUERY)


def test_a_dropped_stream_is_billed_for_what_was_said(client, control, ours, month):
    whole = bill(client)
    control.fault("drop-stream")
    said_so_far = []
    with pytest.raises(ReplyLost):
        ours.query(QUERY, said_so_far.append)
    assert said_so_far
    assert 3 < used(client) - whole < whole
    assert_agree(client, month)
    assert bill(client) == whole


def test_a_dropped_reply_is_billed_all_the_same(client, control, ours, month):
    whole = bill(client)
    control.fault("drop-reply", times=2)
    with pytest.raises(ReplyLost):
        ours.query(QUERY)
    texts = []
    with pytest.raises(ReplyLost):
        ours.query(QUERY, texts.append)
    assert (texts, used(client)) == ([], 3 * whole)
    control.fault("drop-reply")
    assert said(client, "/server/get-personas")["status"] == 200  # nothing was paid for it
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/server/train", json={"content": "one two three"})
    assert used(client, Meter.TRAINING) == 4
    assert_agree(client, month)


def test_a_late_row_is_logged_after_as_many_calls(client, control, month):
    early = bill(client)
    control.fault("late-log", calls=2)
    late = bill(client)
    assert used(client) == early + late  # the first call after it
    assert logged(client, month) == [early]  # the second
    assert logged(client, month) == [late, early]
    assert_agree(client, month)


def test_a_late_row_is_logged_from_the_time_on_that_is_told(client, control, month):
    control.fault("late-log", until=month + 5 * SECOND)
    late = bill(client)
    following = bill(client)
    control.set_clock(month + 5 * SECOND - 1)
    assert logged(client, month) == [following]
    control.set_clock(month + 5 * SECOND)
    assert logged(client, month) == [following, late]


def test_late_rows_do_not_shorten_a_page(client, control):
    first = bill(client)
    control.fault("late-log", calls=50, times=3)
    for _ in range(3):
        bill(client)
    assert [row["total_tokens"] for row in log(client, limit=1)] == [first]


def test_a_duplicate_row_is_the_same_row_again(client, control, month):
    control.fault("duplicate-log")
    tokens = bill(client)
    first, second = log(client, limit=2)
    assert first == second
    assert (logged(client, month), used(client)) == ([tokens, tokens], tokens)


def test_a_lagging_counter_shows_what_stood_two_seconds_ago(client, control, month):
    early = bill(client)
    control.set_clock(month + 2 * SECOND)
    late = bill(client)
    control.fault("lagging-counters", times=2)
    assert (used(client), left(client)) == (early, ALLOTMENT - early)
    assert used(client) == early + late
    control.set_clock(month + 4 * SECOND)
    control.fault("lagging-counters")
    assert used(client) == early + late


def test_a_counter_that_lags_over_the_months_end_shows_the_old_month(client, control, month):
    tokens = bill(client)
    control.set_clock(end_of(month) + SECOND)
    control.fault("lagging-counters")
    assert (used(client), used(client)) == (tokens, 0)


def test_wrong_types_are_numbers_as_text(client, control, ours):
    control.fault("wrong-types", times=3)
    reply = said(client, "/server/query", **ASK)
    assert isinstance(reply["usage"]["asksage_tokens"], str)
    assert (reply["status"], reply["embedding_down"]) == ("200", 0)
    [row] = log(client, limit=1)
    assert (row["total_tokens"], row["teach"]) == (reply["usage"]["asksage_tokens"], "False")
    *_, last = client.post("/server/query_stream", json=ASK).text.split(SEPARATOR)[:-1]
    assert json.loads(last)["usage"] == reply["usage"]
    before = used(client)
    control.fault("wrong-types", times=2)
    assert ours.query(QUERY).tokens == int(reply["usage"]["asksage_tokens"])
    assert ours.used(Meter.INFERENCE) == before + int(reply["usage"]["asksage_tokens"])


def test_the_log_can_tell_its_dates_in_the_other_form(client, control, month):
    bill(client)
    control.fault("gmt-dates")
    [row] = log(client, limit=1)
    told = datetime.strptime(row["date_time"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert to_instant(told) == month


def test_faults_can_be_forgotten_and_kept_to_one_route(client, control):
    control.fault("overloaded", times=5)
    control.clear_faults()
    assert bill(client) > 0
    control.fault("overloaded", route="/server/train")
    assert bill(client) > 0
    assert said(client, "/server/train", content="x")["status"] == 503


def test_errors_of_the_recorded_kinds(client, control, month):
    control.fault("rate-limit", retry_after_s=7)
    limited = client.post("/server/query", json=ASK)
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    control.fault("quota")
    refused = client.post("/server/query", json=ASK)
    assert (refused.status_code, refused.json()["response"]) == (
        429,
        "Token quota exceeded for the user or plan",
    )
    assert used(client) == 0
    control.fault("error-ref")
    failed = said(client, "/server/query", **ASK)
    assert failed["status"] == 500
    assert failed["error_ref"]
    control.fault("no-usage")
    untold = said(client, "/server/query", **ASK)
    assert (untold["status"], untold["usage"]) == (200, None)
    assert_agree(client, month)


@pytest.mark.parametrize(("outcome", "tokens"), [("succeeded", 575), ("partial", 287), ("failed", 0)])
def test_an_upload_can_go_on_in_the_background(client, control, month, outcome, tokens):
    control.fault("background", outcome=outcome)
    files = {"file": ("report.pdf", b"%PDF")}
    begun = client.post("/server/train-with-file", data={"dataset": "files"}, files=files).json()
    assert (begun["status"], begun["embedding"]) == (202, "")
    assert used(client, Meter.TRAINING) == 0
    states = [
        said(client, "/server/train-with-file-status", job_id=begun["job_id"])["response"]["status"]
        for _ in range(4)
    ]
    assert states == ["queued", "running", outcome, outcome]
    assert used(client, Meter.TRAINING) == tokens
    assert said(client, "/server/train-with-file-status", job_id="none")["status"] == 404
    assert said(client, "/server/get-upload-limits")["response"]["sync_wait_seconds"] == 20


def test_vectors_are_of_words_and_billed_as_training(service, client, control, month):
    url, bearer = f"{service.url}/server/openai/v1/embeddings", {"Authorization": f"Bearer {service.key}"}

    def ask(*texts, headers=bearer):
        return httpx.post(url, json={"input": texts, "model": "m"}, headers=headers, trust_env=False)

    reply = ask("The sky is blue.", "Blue is the sky!", "Add salt.").json()
    sky, same, salt = (row["embedding"] for row in reply["data"])
    assert sum(map(mul, sky, same)) == pytest.approx(1)
    assert sum(map(mul, sky, salt)) < 0.5
    assert reply["usage"]["prompt_tokens"] == 13
    assert used(client, Meter.TRAINING) == 17
    assert_agree(client, month)
    assert (ask("").status_code, ask(*"a" * 257).status_code) == (400, 400)
    assert ask("Why?", headers={}).status_code == 401


def test_the_compatible_route_is_billed_and_tells_no_bill(service, client, control, month):
    url, body = (
        f"{service.url}/server/openai/v1/chat/completions",
        {
            "model": "local-echo",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi there."},
            ],
        },
    )
    bearer = {"Authorization": f"Bearer {service.key}"}
    reply = httpx.post(url, json=body, headers=bearer, trust_env=False).json()
    assert reply["choices"][0]["message"]["content"] == "Hi there."
    assert "asksage_tokens" not in reply["usage"]
    streamed = httpx.post(url, json=body | {"stream": True}, headers=bearer, trust_env=False)
    assert streamed.headers["Content-Type"].startswith("text/event-stream")
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert len(logged(client, month)) == 2
    assert_agree(client, month)
    assert httpx.post(url, json=body, trust_env=False).status_code == 401
    control.fault("quota")
    refused = httpx.post(url, json=body, headers=bearer, trust_env=False)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
