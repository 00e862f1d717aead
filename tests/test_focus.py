"""The usage log as FOCUS; by its official validators too, where ``make focus`` has put them."""

import json
import re
import subprocess
from pathlib import Path

import pandas
import pytest
from ledger_desk import at
from test_usage_accessor import spend

from asksage_jupyter import usage
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import BadInput
from asksage_jupyter.settings import AskSage

VALIDATORS = Path(__file__).parents[1] / ".focus"
# All but regions and zones, commitments and reservations, of which Ask Sage has none.
APPLICABLE = [
    f"{what}_SUPPORTED"
    for what in (
        "ACCOUNT_NAMING",
        "BILLING_BASED_ON_PROVISIONED_RESOURCES",
        "MULTIPLE_BILLING_ACCOUNT_TYPES",
        "MULTIPLE_PRICING_CATEGORIES",
        "MULTIPLE_SUB_ACCOUNT_TYPES",
        "NEGOTIATED_PRICING",
        "PRICING_BILLING_CURRENCY_DIFFERENCES",
        "PUBLIC_PRICE_LIST",
        "RESOURCE_TYPE_ASSIGNMENT",
        "SUB_ACCOUNT",
        "TAGGING",
        "UNIT_PRICING",
        "USAGE_MEASUREMENT",
        "VIRTUAL_CURRENCY",
    )
]


@pytest.fixture
def log():
    """Two months in New York, on both meters, with and without a notebook and project."""
    AskSage.instance(zone="America/New_York", email="ana@example.mil")
    spend(60, at(2026, 11, 1, 3, 59, 59), "dear", notebook="work/a.ipynb", project="apollo")  # October there
    spend(10, at(2026, 11, 1, 4), "cheap", cell="c1", user="me")
    spend(500, at(2026, 11, 4, 16), "train", Meter.TRAINING)
    return usage()


@pytest.fixture
def focus(log, tmp_path):
    log.asksage.to_focus(tmp_path / "focus.csv", price=0.00002)
    return tmp_path / "focus.csv"


def test_a_call_is_a_charge_in_tokens_and_in_money(focus):
    rows = pandas.read_csv(focus, dtype=str, keep_default_na=False).to_dict("records")
    assert [row["PricingCurrencyEffectiveCost"] for row in rows] == ["60.0", "10.0", "500.0"]
    assert [row["EffectiveCost"] for row in rows] == ["0.0012", "0.0002", "0.01"]
    assert {row["BilledCost"] for row in rows} == {"0.0"}
    assert [row["PricingUnit"] for row in rows] == [
        *["Ask Sage inference tokens"] * 2,
        "Ask Sage training tokens",
    ]
    first, second, _ = rows
    assert (first["SkuId"], first["SubAccountId"], first["ResourceName"]) == ("dear", "apollo", "a")
    assert (second["SubAccountId"], second["SubAccountType"], second["ResourceId"]) == ("", "", "")
    assert first["BillingAccountId"] == "ana@example.mil"
    assert second["x_Cell"] == "c1"
    assert first["x_InputTokens"] == "600"
    assert json.loads(first["Tags"]) == {}


def test_a_billing_period_is_the_accounts_month(focus):
    rows = pandas.read_csv(focus, dtype=str).to_dict("records")
    assert [(row["BillingPeriodStart"], row["BillingPeriodEnd"]) for row in rows] == [
        ("2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z"),
        *[("2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z")] * 2,
    ]
    assert rows[0]["ChargePeriodStart"] == "2026-11-01T03:59:59Z"
    assert rows[0]["ChargePeriodEnd"] > rows[0]["ChargePeriodStart"]


@pytest.fixture
def foreign(log, tmp_path):
    """Names that are not in ASCII."""
    named = log.assign(project=["отчёт", "😀", None], notebook="/home/ana/отчёт.ipynb")
    named.asksage.to_focus(tmp_path / "focus.csv")
    return tmp_path / "focus.csv"


def test_names_are_of_ascii_alone_and_still_tell_who_is_who(foreign):
    table = pandas.read_csv(foreign, dtype=str)
    assert table.SubAccountName.dropna().tolist() == [r"\u043e\u0442\u0447\u0451\u0442", r"\U0001f600"]
    assert table.ResourceName.unique().tolist() == [r"\u043e\u0442\u0447\u0451\u0442"]


def test_a_project_that_is_a_number_by_now_is_named_all_the_same(log, tmp_path):
    log.assign(project=2026).asksage.to_focus(tmp_path / "focus.csv")
    assert pandas.read_csv(tmp_path / "focus.csv", dtype=str).SubAccountId.unique().tolist() == ["2026"]


def test_tags_of_ones_own_are_there(log, tmp_path):
    log.assign(tags=['{"wbs": "1234.5"}', None, None]).asksage.to_focus(tmp_path / "focus.csv")
    assert list(pandas.read_csv(tmp_path / "focus.csv").Tags) == ['{"wbs": "1234.5"}', "{}", "{}"]


def test_an_empty_log_has_the_columns(log, focus, tmp_path):
    log[:0].asksage.to_focus(tmp_path / "none.csv")
    assert list(pandas.read_csv(tmp_path / "none.csv")) == list(pandas.read_csv(focus))


@pytest.mark.parametrize(
    "odd", [{"price": -1}, {"price": "dear"}, {"currency": "tokens"}, {"currency": None}]
)
def test_what_is_no_price_is_refused_in_a_line(log, tmp_path, odd):
    with pytest.raises(BadInput, match=r"price|currency"):
        log.asksage.to_focus(tmp_path / "focus.csv", **odd)


def test_version_1_0_has_no_pricing_currency(log, tmp_path):
    log.asksage.to_focus(tmp_path / "focus.csv", version="1.0")
    columns = set(pandas.read_csv(tmp_path / "focus.csv"))
    assert {"Provider", "EffectiveCost", "PricingQuantity", "ChargeType"} <= columns
    assert not {"ProviderName", "PricingCurrency", "SkuMeter"} & columns
    with pytest.raises(BadInput, match=r"1\.2, 1\.0"):
        log.asksage.to_focus(tmp_path / "focus.csv", version="0.5")


def validated(version, path):
    """What the official validator of a version says; it looks for its own files where it is started."""
    program = VALIDATORS / version
    if not program.is_dir():
        pytest.skip("make focus installs the validators of FOCUS")
    words = ["--data-file", str(path), "--validate-version", version]
    if version != "1.0":
        words += ["--block-download", "--applicability-criteria", ",".join(APPLICABLE)]
    place = next(program.glob("lib/python*/site-packages"))
    said = subprocess.run(
        [program / "bin" / "focus-validator", *words], cwd=place, capture_output=True, text=True
    )
    return said.stdout + said.stderr


def test_the_validator_of_1_0_finds_nothing(log, tmp_path):
    log.asksage.to_focus(tmp_path / "focus.csv", price=0.00002, version="1.0")
    assert "Validation succeeded" in validated("1.0", tmp_path / "focus.csv")


@pytest.mark.parametrize("names", ["focus", "foreign"])
def test_the_validator_of_1_2_finds_only_what_contradicts_itself(names, request):
    """Each rule of FOCUS holds: an InvoiceId is null or not, and a virtual currency has no code of ISO 4217.

    The validator tells one alternative of the first, of which but one can hold; and of currencies it knows
    ISO 4217's alone, though ``CurrencyFormat-A-002-C`` names tokens.
    """
    found = set(re.findall(r"([\w-]+): FAIL", validated("1.2", request.getfixturevalue(names))))
    # The last is the one before it, told once more for the whole column.
    assert found == {"InvoiceId-C-005-C", "PricingCurrency-C-003-M", "PricingCurrency-C-000-C"}
