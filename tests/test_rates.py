"""Rates asked for, cached, stale, of the catalog; estimates that contain the bill; learning from bills."""

import json
import math
import re
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import WAIT_S

from asksage_jupyter.account import Source
from asksage_jupyter.errors import Refused, ReplyLost, Unavailable
from asksage_jupyter.rates import Estimate, Part, Rate, Rates, store
from asksage_jupyter.rates.fit import Sample, first_inflation, fit

HOUR = 3600 * 1_000_000
MODEL = "gpt-4.1"


class Clock:
    t = 1_790_000_000_000_000

    def __call__(self):
        return self.t


class Tokenizer:
    """Prices as the service does: its two roundings, a wrapper around the text, sometimes a string."""

    def __init__(self, prompt=0.143, completion=0.572, *, as_text=False):
        self.prompt, self.completion, self.as_text = prompt, completion, as_text
        self.asked = 0
        self._lock = threading.Lock()

    def tokenize(self, content, model):
        return self._answer(19 + len(content.split()))

    def price(self, content, model, completion_estimate=0):
        tokens = 19 + len(content.split())
        parts = tokens * self.prompt / 1.3, completion_estimate * self.completion / 1.3
        return self._answer(math.ceil(1.3 * sum(math.ceil(round(part, 9)) for part in parts) - 1e-9))

    def _answer(self, number):
        with self._lock:
            self.asked += 1
        return str(number) if self.as_text else number


class Refusing:
    """Fails every question with `error`."""

    def __init__(self, error):
        self.error, self.asked = error, 0

    def tokenize(self, content, model):
        return self.price(content, model)

    def price(self, content, model, completion_estimate=0):
        self.asked += 1
        raise self.error


class Answering:
    def __init__(self, answer):
        self.tokenize = self.price = lambda *_: answer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rates(tmp_path, clock):
    return Rates(tmp_path, "api.asksage.ai", clock=clock)


def a_rate(prompt=0.1, completion=0.5, model=MODEL, source=Source.PRICED, factor=1.0):
    return Rate(model, prompt, completion, source, Clock.t, factor)


# What models were billed on 25 September 2026: catalog x factor, from the cheapest to the dearest.
@pytest.mark.parametrize(
    ("prompt", "completion"),
    [
        (0.0021 * 1.3, 0.0084 * 1.3),
        (0.0715, 0.3575),
        (0.143, 0.572),
        (0.198 * 3.61, 0.99 * 2.146),
        (1.0725, 4.29),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_five_free_questions_tell_the_rates(rates, clock, prompt, completion, as_text):
    tokenizer = Tokenizer(prompt, completion, as_text=as_text)
    rate = rates.rate(MODEL, tokenizer)
    assert rate.prompt == pytest.approx(prompt, abs=1.3 / 30_000)
    assert rate.completion == pytest.approx(completion, abs=1e-5)
    assert (rate.model, rate.source, rate.as_of, tokenizer.asked) == (MODEL, Source.PRICED, clock.t, 5)


def test_the_questions_are_asked_side_by_side(rates):
    together = threading.Barrier(5, timeout=WAIT_S)

    class Waiting(Tokenizer):
        def _answer(self, number):
            together.wait()  # broken, and so a failure, unless all five wait at once
            return super()._answer(number)

    assert rates.rate(MODEL, Waiting()).source is Source.PRICED


def test_a_rate_is_asked_for_once_in_24_hours(rates, clock, tmp_path):
    tokenizer = Tokenizer()
    asked = rates.rate(MODEL, tokenizer)
    clock.t += 24 * HOUR - 1
    assert rates.rate(MODEL, tokenizer) == rates.cached(MODEL) == asked
    elsewhere = Rates(tmp_path, "api.asksage.ai", clock=clock)
    assert elsewhere.rate(MODEL, tokenizer) == asked
    assert tokenizer.asked == 5
    clock.t += 1
    assert rates.cached(MODEL) is None
    assert rates.rate(MODEL, tokenizer).as_of == clock.t
    assert tokenizer.asked == 10


def test_models_and_hosts_are_apart(rates, clock, tmp_path):
    rates.rate(MODEL, Tokenizer(0.1))
    rates.rate("gpt-o1", Tokenizer(1.0))
    Rates(tmp_path, "api.genai.army.mil", clock=clock).rate(MODEL, Tokenizer(0.2))
    found = [rates.rate(MODEL).prompt, rates.rate("gpt-o1").prompt]
    assert found == [pytest.approx(0.1, rel=0.01), pytest.approx(1.0, rel=0.01)]


def test_a_cache_from_the_future_is_not_believed(rates, clock):
    rates.rate(MODEL, Tokenizer())
    clock.t -= HOUR
    assert rates.cached(MODEL) is None


@pytest.mark.parametrize(
    "pricer",
    [Refusing(Unavailable("overloaded")), Refusing(ReplyLost("lost")), Answering(5), Answering("many"),
     Answering(None), Answering(float("nan")), Tokenizer(-0.1), Tokenizer(0, 0), Tokenizer(1e6)],
)  # fmt: skip
def test_without_prices_the_catalog_is_taken_and_marked(rates, pricer):
    rate = rates.rate(MODEL, pricer, (0.11, 0.44))
    assert (rate.prompt, rate.completion) == (pytest.approx(0.143), pytest.approx(0.572))
    assert rate.source is Source.CATALOG
    assert "catalog rates x 1.30, unverified" in rates.estimate(rate, {"prompt": 10}).basis


def test_a_failing_pricer_is_left_alone_for_ten_minutes(rates, clock):
    pricer = Refusing(Unavailable("overloaded"))
    rates.rate(MODEL, pricer, (0.11, 0.44))
    clock.t += HOUR // 6 - 1
    assert rates.rate(MODEL, pricer, (0.11, 0.44)) == rates.cached(MODEL)
    assert pricer.asked == 5
    clock.t += 1
    assert rates.cached(MODEL) is None
    assert rates.rate(MODEL, Tokenizer(), (0.11, 0.44)).source is Source.PRICED


def test_an_old_price_is_better_than_the_catalog(rates, clock):
    asked = rates.rate(MODEL, Tokenizer())
    clock.t += 100 * HOUR
    assert rates.rate(MODEL) == asked
    assert rates.rate(MODEL, Refusing(Unavailable("overloaded")), (9.0, 9.0)) == asked
    assert "priced them on 21 Sep 2026" in rates.estimate(asked, {"prompt": 1}).basis


def test_nothing_at_all_is_told_in_a_line(rates):
    with pytest.raises(Unavailable, match=r"the price of gpt-4\.1 is not known.*%asksage models") as told:
        rates.rate(MODEL, Refusing(Refused("no such route")))
    assert "\n" not in str(told.value)
    with pytest.raises(Unavailable, match=r"^overloaded$"):  # the cause, and no word of the price
        rates.rate(MODEL, Refusing(Unavailable("overloaded")))
    with pytest.raises(Unavailable):
        rates.rate(MODEL, catalog=(float("nan"), 1.0))


@pytest.mark.parametrize(
    "damage",
    [b"", b"\x00\xff", b"{", b"[]", b"7", b'{"format":1}', b'{"format":1,"hosts":[]}', b"[" * 100_000,
     b'{"format":1,"hosts":{"api.asksage.ai":[1]}}', b'{"format":1,"hosts":{"api.asksage.ai":{"gpt-4.1":3}}}',
     b'{"format":1,"hosts":{"api.asksage.ai":{"gpt-4.1":{"rate":{"prompt":-1,"completion":1,"as_of":1}}}}}',
     b'{"format":1,"hosts":{"api.asksage.ai":{"gpt-4.1":{"rate":[],"samples":{"a":1}}}}}',
     b'{"format":1,"hosts":{"api.asksage.ai":{"gpt-4.1":{"samples":[1,[1,2],["9",0,1,1,null],[null,0,1,1,null],'
     b'[1,0,-1,1,null],[1,0,true,1,null],[1,0,1,1e400,null]]}}}}', b'{"format":99,"hosts":{}}'],
)  # fmt: skip
def test_a_damaged_cache_is_begun_anew(rates, tmp_path, damage):
    (tmp_path / "rates.json").write_bytes(damage)
    rate = rates.rate(MODEL, Tokenizer())
    rates.learn(rate, {"prompt": 10}, input_tokens=25, output_tokens=40, tokens=30)
    assert rates.cached(MODEL) == rate
    assert "1 earlier call" in rates.estimate(rate, {"prompt": 10}).basis
    rates.flush()
    json.loads((tmp_path / "rates.json").read_text())


def test_a_folder_that_cannot_be_written_costs_only_memory(tmp_path, clock):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    rates, tokenizer = Rates(blocked, "api.asksage.ai", clock=clock), Tokenizer()
    rate = rates.rate(MODEL, tokenizer)
    rates.learn(rate, {"prompt": 10}, input_tokens=25, output_tokens=40, tokens=30)
    assert rates.rate(MODEL, tokenizer) == rate
    assert tokenizer.asked == 5
    assert "1 earlier call" in rates.estimate(rate, {"prompt": 10}).basis
    assert blocked.read_text() == "not a folder"


def test_a_file_that_cannot_be_replaced_leaves_no_scraps(rates, tmp_path):
    (tmp_path / "rates.json").mkdir()
    rate = rates.rate(MODEL, Tokenizer())
    assert rates.cached(MODEL) == rate
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rates.json", "rates.lock"]


def test_the_folder_is_made_and_left_without_scraps(tmp_path, clock):
    Rates(tmp_path / "a" / "b", "h", clock=clock).rate(MODEL, Tokenizer())
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["rates.json", "rates.lock"]


WRITER = """
import sys
from pathlib import Path
from asksage_jupyter.account import Source
from asksage_jupyter.rates import Rate, Rates, store
store._PATIENCE_S = 60  # on a busy machine a turn may come late
rates = Rates(Path(sys.argv[1]), "api.asksage.ai")
print("ready", flush=True)
sys.stdin.readline()
for n in range(25):
    rate = Rate("gpt-4.1", 0.1, 0.5, Source.PRICED, 1)
    rates.learn(rate, {"prompt": n}, input_tokens=n, output_tokens=int(sys.argv[2]) + n, tokens=None)
    if n % 3 == 1:
        rates.flush()
"""


def test_two_processes_lose_nothing_of_each_other(tmp_path):
    command, pipe = [sys.executable, "-c", WRITER, str(tmp_path)], subprocess.PIPE
    writers = [subprocess.Popen([*command, n], stdin=pipe, stdout=pipe, text=True) for n in ("1000", "2000")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=WAIT_S)
        assert writer.returncode == 0
    model = json.loads((tmp_path / "rates.json").read_text())["hosts"]["api.asksage.ai"][MODEL]
    written = sorted(Sample(*figures).output_tokens for figures in model["samples"])
    assert written == [*range(1000, 1025), *range(2000, 2025)]


def test_what_was_written_is_known_without_reading_it_again(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("the disk is full")

    def samples(file):
        return [sample.output_tokens for sample in file.known(MODEL).samples]

    def learned(n):
        return lambda known: replace(known, samples=(*known.samples, Sample(5, 0, 5, n, None)))

    file = store.RatesFile(tmp_path, "a-host")
    file.update(MODEL, learned(1))
    with monkeypatch.context() as unreadable:
        unreadable.setattr(store, "read", refuse)
        assert samples(file) == [1]
    with monkeypatch.context() as full:
        full.setattr(store, "write", refuse)
        file.update(MODEL, learned(2))
    assert samples(file) == [1, 2]
    store.RatesFile(tmp_path, "a-host").update(MODEL, learned(3))
    assert samples(file) == [1, 3, 2]


def test_what_found_no_turn_is_written_with_the_next(rates, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_PATIENCE_S", 0.0)
    with store._turn(tmp_path / "rates.lock"):
        for n in (1, 2):
            rates.learn(a_rate(), {"prompt": n}, input_tokens=n, output_tokens=n, tokens=None)
            rates.flush()
    other = Rates(tmp_path, "api.asksage.ai")
    other.learn(a_rate(), {"prompt": 3}, input_tokens=3, output_tokens=3, tokens=None)
    other.flush()
    rates.learn(a_rate(), {"prompt": 4}, input_tokens=4, output_tokens=4, tokens=None)
    rates.flush()
    kept = Rates(tmp_path, "api.asksage.ai")._store.known(MODEL).samples
    assert [sample.output_tokens for sample in kept] == [3, 1, 2, 4]


def test_what_a_reply_teaches_counts_at_once_and_is_written_a_moment_later(rates, tmp_path, monkeypatch):
    later = []
    monkeypatch.setattr(store, "start_new_thread", lambda do, _: later.append(do))
    monkeypatch.setattr(store, "_SOON_S", 0.0)
    for n in (1, 2):
        rates.learn(a_rate(), {"prompt": n}, input_tokens=n, output_tokens=n, tokens=None)
    assert "2 earlier calls" in rates.estimate(a_rate(), {"prompt": 10}).basis
    assert not (tmp_path / "rates.json").exists()
    (write,) = later
    write()
    model = json.loads((tmp_path / "rates.json").read_text())["hosts"]["api.asksage.ai"][MODEL]
    assert len(model["samples"]) == 2


def test_what_was_learned_last_is_written_as_the_program_ends(tmp_path):
    subprocess.run([sys.executable, "-c", WRITER, str(tmp_path), "0"], input="go\n", text=True, check=True)
    model = json.loads((tmp_path / "rates.json").read_text())["hosts"]["api.asksage.ai"][MODEL]
    assert len(model["samples"]) == 25  # the last two came after the last flush, and nobody waited


def test_only_figures_of_the_last_50_calls_are_kept(rates, tmp_path):
    for n in range(60):
        rates.learn(a_rate(), {"prompt": n}, input_tokens=n, output_tokens=n, tokens=n)
    rates.learn(a_rate(), {"prompt": 5}, input_tokens=None, output_tokens=None, tokens=9)  # teaches nothing
    rates.flush()
    model = json.loads((tmp_path / "rates.json").read_text())["hosts"]["api.asksage.ai"][MODEL]
    assert [Sample(*figures).output_tokens for figures in model["samples"]] == list(range(10, 60))


shares = st.dictionaries(
    st.sampled_from(["prompt", "system prompt", "history", "persona", "file", "web search"]),
    st.integers(0, 10**9),
)
figures = st.none() | st.integers(0, 10**9)
samples = st.lists(
    st.builds(
        Sample, st.integers(0, 10**6), st.integers(0, 10**6), figures, figures, st.none() | st.floats(0, 100)
    )
)


@given(
    prompt=st.floats(0, 100), completion=st.floats(0, 100), shares=shares,
    source=st.sampled_from([Source.PRICED, Source.CATALOG]),
    learned=st.lists(st.tuples(st.integers(0, 10**6), figures, figures, figures), max_size=15),
)  # fmt: skip
@settings(max_examples=60)
def test_low_expected_and_high_are_in_order_whatever_was_learned(
    tmp_path_factory, prompt, completion, source, shares, learned
):
    rates = Rates(tmp_path_factory.mktemp("rates"), "h")
    rate = a_rate(prompt, completion, source=source)
    for counted, *billed in learned:
        rates.learn(
            rate,
            {"prompt": counted},
            **dict(zip(("input_tokens", "output_tokens", "tokens"), billed, strict=True)),
        )
    estimate = rates.estimate(rate, shares)
    assert 1 <= estimate.low <= estimate.expected <= estimate.high
    assert all(
        type(figure) is int
        for figure in (estimate.low, estimate.expected, estimate.high, estimate.input_tokens)
    )
    made_of = sum(part.tokens for part in estimate.parts)
    assert estimate.expected == pytest.approx(max(1, made_of), abs=1 + 1e-6 * made_of)
    assert str(estimate) and estimate._repr_html_()


@given(samples=samples)
def test_what_is_believed_is_always_an_interval(samples):
    believed = fit("claude-opus-5", samples)
    for spread in (believed.inflation, believed.reply):
        assert 0 <= spread.low <= spread.middle <= spread.high
    assert believed.wrapper >= 0


def test_before_anything_is_learned_the_recorded_defaults_stand(rates):
    estimate = rates.estimate(a_rate(0.1, 0.5), {"prompt": 1000, "persona": 780})
    assert estimate.input_tokens == 1000 + 780 + 30
    assert estimate.expected == rates.bill(a_rate(0.1, 0.5), 1000 + 780 + 30, 300)
    assert estimate.low == rates.bill(a_rate(0.1, 0.5), 950 + 780 + 30, 1)
    assert estimate.high == rates.bill(a_rate(0.1, 0.5), 1180 + 780 + 30, 1100)
    assert [part.name for part in estimate.parts] == ["prompt", "persona", "each call", "reply"]
    assert estimate.basis.endswith("the reply's length a guess")


def test_recorded_shares_are_not_stretched_by_a_models_tokenizer(rates):
    rate = a_rate(model="google-claude-opus-5")
    estimate = rates.estimate(rate, {"prompt": 1000, "persona": 780})
    assert estimate.input_tokens == 1250 + 780 + 30


def test_a_recorded_call_is_met(rates):
    """Haiku 4.5 with the default persona and five words: 820 + 4 model tokens, billed 63."""
    rate = rates.rate("google-claude-45-haiku", Tokenizer(0.0715, 0.3575))
    estimate = rates.estimate(rate, {"prompt": 5, "persona": 780})
    assert estimate.input_tokens == pytest.approx(820, rel=0.03)
    assert rates.bill(rate, 820, 4) == 63
    for _ in range(10):
        rates.learn(rate, {"prompt": 5, "persona": 780}, input_tokens=820, output_tokens=4, tokens=63)
    learned = rates.estimate(rate, {"prompt": 5, "persona": 780})
    assert learned.low <= 63 <= learned.high


def test_learning_moves_the_interval_to_cover_what_is_billed(rates):
    rate = a_rate(0.1, 0.5)
    input_tokens, output_tokens = 2_600, 5_000  # the model counts 1.3 times as we do, and talks
    billed = rates.bill(rate, input_tokens, output_tokens)
    assert rates.estimate(rate, {"prompt": 2_000}).high < billed
    for n in range(12):
        rates.learn(
            rate,
            {"prompt": 2_000},
            input_tokens=input_tokens + n,
            output_tokens=output_tokens + n,
            tokens=billed,
        )
    estimate = rates.estimate(rate, {"prompt": 2_000})
    assert estimate.low <= billed <= estimate.high
    assert estimate.expected == pytest.approx(billed, rel=0.01)
    assert "12 earlier calls" in estimate.basis
    twice = rates.estimate(rate, {"prompt": 4_000})
    assert twice.input_tokens == pytest.approx(2 * input_tokens, rel=0.01)


def test_one_odd_reply_does_not_make_the_interval(rates):
    rates.learn(a_rate(), {"prompt": 10}, input_tokens=25, output_tokens=100_000, tokens=None)
    estimate = rates.estimate(a_rate(), {"prompt": 10})
    assert estimate.low < 30
    assert estimate.expected <= 1200
    assert estimate.high > 50_000


def test_short_calls_teach_the_wrapper_and_long_ones_the_inflation():
    short = [Sample(10, 34, 10 + 34 + 40, 5, None)] * 5
    long = [Sample(1_000, 34, 1_400 + 34 + 40, 5, None)] * 10
    believed = fit(MODEL, short + long)
    assert believed.wrapper == 40
    assert believed.inflation == pytest.approx((1.4, 1.4, 1.4))


def test_bills_refit_the_catalog_factor_of_their_model_only(rates):
    catalog = (0.11, 0.55)
    for model in ("google-claude-sonnet-5", MODEL):
        rates.rate(model, Refusing(Unavailable("overloaded")), catalog)
    rate = rates.cached("google-claude-sonnet-5")
    before = rates.estimate(rate, {"prompt": 1_000})
    for _ in range(3):  # billed at 1.95 times the catalog
        rates.learn(
            rate, {"prompt": 1_000}, input_tokens=1_550, output_tokens=400, tokens=round(390.5 * 1.95 + 3)
        )
    refitted = rates.cached("google-claude-sonnet-5")
    assert refitted.factor == pytest.approx(1.95, rel=0.01)
    assert rates.bill(refitted, 1_550, 400) == pytest.approx(390.5 * 1.95 + 3, abs=1)
    assert "x 1.95, as billed before" in rates.estimate(refitted, {"prompt": 1}).basis
    assert rates.cached(MODEL).factor == 1.3
    assert before.low < 390.5 * 0.65 + 3 and before.high > 390.5 * 1.95 + 3
    # A rate taken before the refit still teaches the same: its own factor travels with it.
    rates.learn(
        rate, {"prompt": 1_000}, input_tokens=1_550, output_tokens=400, tokens=round(390.5 * 1.95 + 3)
    )
    assert rates.cached("google-claude-sonnet-5").factor == pytest.approx(1.95, rel=0.01)


def test_small_bills_and_priced_rates_teach_no_factor(rates):
    catalog = a_rate(source=Source.CATALOG, factor=1.3)
    rates.learn(catalog, {"prompt": 10}, input_tokens=30, output_tokens=10, tokens=19)
    rates.learn(a_rate(), {"prompt": 10}, input_tokens=30_000, output_tokens=10, tokens=9_999)
    rates.rate(MODEL, Refusing(Unavailable("overloaded")), (0.1, 0.5))
    assert rates.cached(MODEL).factor == 1.3


@pytest.mark.parametrize(
    ("model", "inflation"),
    [("google-claude-45-haiku", 1.05), ("google-claude-46-sonnet", 1.05),
     ("claude-3-5-sonnet-20240620", 1.05),
     ("aws-bedrock-claude-35-sonnet-gov", 1.05), ("claude-3-opus", 1.05), ("claude-sonnet-4-20250514", 1.05),
     ("claude-opus-4-1-20250805", 1.05), ("claude-instant-1.2", 1.05), ("claude-opus-4-7", 1.25),
     ("google-claude-47-opus", 1.25), ("google-claude-sonnet-5", 1.25), ("google-claude-opus-5-5", 1.25),
     ("google-gemini-2.5-pro", 1.03), ("gpt-5.2", 1.0), ("grok-4-20", 1.0), ("GOOGLE-CLAUDE-45-OPUS", 1.05)],
)  # fmt: skip
def test_the_first_inflation_is_the_familys(model, inflation):
    assert first_inflation(model).middle == inflation


def test_an_estimate_reads_well_as_text_and_as_html():
    parts = (Part("prompt", 12.3), Part("<i>", 0.7), Part("reply", 1_107.0))
    estimate = Estimate("gpt-<4>", 21, 1_120, 2_100, parts, 86, Source.PRICED, "rates & length")
    assert str(estimate) == (
        "gpt-<4>: about 1,120 tokens (21 to 2,100)\n  prompt 12, <i> 0.7, reply 1,107\n  rates & length"
    )
    html = estimate._repr_html_()
    assert "gpt-&lt;4&gt;: about 1,120 tokens (21 to 2,100)" in html
    assert "&lt;i&gt;" in html and "rates &amp; length" in html
    assert "<i>" not in html
    assert html.count("<div") == html.count("</div>")
    assert not re.search(r"var\(--jp-[^,)]*\)", html)  # each colour has one for pages without a theme


def test_importing_the_room_imports_no_tokenizer_and_no_client():
    heavy = "{'tiktoken', 'regex', 'httpx', 'sqlalchemy', 'pandas', 'asksage_jupyter.tokens'}"
    code = f"import sys, asksage_jupyter.rates; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
