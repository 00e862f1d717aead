"""OpenTelemetry: a span and metrics of a settled call where a provider is configured, else nothing."""

import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from scripted import QUERY, Played
from tenant import KEY, MODEL, drops_after, says

pytestmark = pytest.mark.long

SECRET = "the-prompt-is-a-secret"


def run(program):
    """Run a program of the person's in a Python of its own, at the tenant of this test."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


CONFIGURED = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))

import json
import asksage_jupyter as sage

try:
    with trace.get_tracer("mine").start_as_current_span("analysis"):
        ASKED
except sage.errors.ReplyLost:
    pass
measured = reader.get_metrics_data()
points = [
    (metric.name, metric.unit, point.sum, dict(point.attributes))
    for resource in (measured.resource_metrics if measured else ())
    for scope in resource.scope_metrics
    for metric in scope.metrics
    for point in metric.data.data_points
]
spans = [json.loads(span.to_json()) for span in exporter.get_finished_spans()]
print(json.dumps([spans, points]))
"""


# In letters, for the person's own span around it has the traceback of an error, with the line that asked.
ASKING = f"sage.ask(''.join({[*SECRET]!r}))"


def observed(asked=ASKING):
    told = run(CONFIGURED.replace("ASKED", asked))
    assert SECRET not in told
    assert KEY not in told
    return json.loads(told)


def test_a_settled_call_is_a_span_by_the_conventions(server):
    says(server, "A reply that is a secret.")
    (span, parent), _ = observed()
    assert span["name"] == f"chat {MODEL}"
    assert span["kind"] == "SpanKind.CLIENT"
    assert span["parent_id"] == parent["context"]["span_id"]
    estimate = span["attributes"].pop("asksage.tokens.estimate")
    assert estimate > 0
    assert span["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "asksage",
        "gen_ai.request.model": MODEL,
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": "u-1",
        "gen_ai.usage.input_tokens": 820,
        "gen_ai.usage.output_tokens": 4,
        "server.address": urlsplit(server.url).hostname,
        "server.port": urlsplit(server.url).port,
        "asksage.meter": "inference",
        "asksage.tokens": 63,
        "asksage.tokens.source": "billed",
    }
    assert "secret" not in json.dumps(span)
    assert span["end_time"] >= span["start_time"]


def test_its_model_tokens_and_duration_are_measured(server):
    _, points = observed()
    tokens = {told["gen_ai.token.type"]: total for name, _, total, told in points if name.endswith("usage")}
    assert tokens == {"input": 820, "output": 4}
    units = {name: unit for name, unit, *_ in points}
    assert units == {"gen_ai.client.token.usage": "{token}", "gen_ai.client.operation.duration": "s"}


def test_a_texts_vector_is_told_by_the_conventions_word_for_it(server):
    vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    server.on("/server/openai/v1/embeddings", {"object": "list", "data": [vector], "usage": usage})
    texts = f"training.embed.Texts(('{SECRET}',), 'an-embedder')"
    (span, _), _ = observed(
        "from asksage_jupyter.session import current, training; "
        "import asksage_jupyter.session.training.embed; "
        f"training.embed.embed(current(), {texts})"
    )
    assert (span["name"], span["attributes"]["asksage.meter"]) == ("embeddings an-embedder", "training")


def test_a_lost_reply_is_an_error_on_the_span_and_its_duration_alone(server):
    server.on(QUERY, {"status": 500, "message": "It broke.", "usage": {"asksage_tokens": 57}})
    (span, _), points = observed()
    assert span["attributes"]["error.type"] == "lost"
    assert {name for name, *_, told in points if "error.type" in told} == {"gen_ai.client.operation.duration"}


def test_a_call_without_a_bill_is_not_told_yet(server):
    drops_after(server, "The sky")
    server.on(QUERY, Played(b"", drop_at=0))
    (*spans, parent), points = observed()
    assert parent["name"] == "analysis"
    assert (spans, points) == ([], [])


@pytest.mark.parametrize("before", ["", "import opentelemetry.trace; "])
def test_without_a_provider_nothing_is_loaded_and_nothing_said(server, before):
    program = (
        f"{before}import sys; before = set(sys.modules); import asksage_jupyter; asksage_jupyter.ask('Why?')"
    )
    told = run(f"{program}; print([name for name in sys.modules if 'opentelemetry.sdk' in name])")
    assert told == "[]\n"
    if not before:
        assert run(f"{program}; print('opentelemetry' in sys.modules)") == "False\n"


def test_a_provider_that_fails_costs_no_reply(server):
    program = """
from opentelemetry import trace
class Broken(trace.TracerProvider):
    def get_tracer(self, *args, **kwargs):
        raise RuntimeError("the collector is gone")
trace.set_tracer_provider(Broken())
import asksage_jupyter as sage
print(sage.ask("Why?").tokens, sage.balance().inference.used - 411)
"""
    assert run(program) == "63 63\n"
