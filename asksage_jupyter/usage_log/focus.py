"""The usage log as FOCUS, the FinOps Open Cost and Usage Specification, has it: a charge a row.

Ask Sage bills tokens, which FOCUS calls a virtual currency: they are the pricing currency, one token a unit.
Money stands beside it, in the billing currency; no call is invoiced by itself, for the plan is.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import pandas

from .. import month
from ..account import Account
from .dtypes import as_logged
from .schema import HOLDER, LISTED

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_SAME_FOR_ALL = {
    "AvailabilityZone": None,
    "BilledCost": "0.0",
    "ChargeCategory": "Usage",
    "ChargeClass": None,
    "ChargeFrequency": "Usage-Based",
    "CommitmentDiscountCategory": None,
    "CommitmentDiscountId": None,
    "CommitmentDiscountName": None,
    "CommitmentDiscountStatus": None,
    "CommitmentDiscountType": None,
    "InvoiceId": None,
    "InvoiceIssuerName": "Ask Sage",
    "PricingCategory": "Standard",
    "PricingCurrencyContractedUnitPrice": "1.0",
    "PricingCurrencyListUnitPrice": "1.0",
    "ProviderName": "Ask Sage",
    "PublisherName": "Ask Sage",
    "RegionId": None,
    "RegionName": None,
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "Ask Sage",
    "ServiceSubcategory": "Generative AI",
    "SkuPriceDetails": None,
}
VERSIONS = ("1.2", "1.0")
_OLD_NAMES = {
    "InvoiceIssuerName": "InvoiceIssuer",
    "ProviderName": "Provider",
    "PublisherName": "Publisher",
    "ResourceId": "ResourceID",
}  # those that the validator of 1.0 looks for
_OLD_TWIN = {"ChargeType": "Usage"}  # by which it looks whether a charge has a price, beside the new name
_NEW = {
    "BillingAccountType",
    "InvoiceId",
    "ServiceSubcategory",
    "SkuMeter",
    "SkuPriceDetails",
    "SubAccountType",
}
_TWIN = {"tokens", "model", "notebook", "project", "sent_at", "tags", HOLDER.name}  # FOCUS has a column of it


def charges(
    calls: pandas.DataFrame, account: Account, price: float, currency: str, version: str
) -> pandas.DataFrame:
    """The calls as charges, all text, in FOCUS' order of columns.

    Parameters
    ----------
    account : Account
        Who has the calls that name no holder, and in whose zone a billing period begins.
    price : float
        Of one Ask Sage token, in `currency`.
    version : str
        One of `VERSIONS`.
    """
    calls = as_logged(calls)
    tokens = calls["tokens"].fillna(0).astype("int64")
    cost, quantity, worth = _decimals(tokens * price), _decimals(tokens), _decimal(price)
    unit = "Ask Sage " + calls["meter"].astype(object) + " tokens"
    holder = _names(calls, HOLDER.name).fillna(_in_ascii(account.holder))
    project, notebook, model = (_names(calls, name) for name in ("project", "notebook", "model"))
    known = {
        "BillingAccountId": holder,
        "BillingAccountName": holder,
        "BillingAccountType": "Ask Sage account",
        "BillingCurrency": currency,
        **_periods(calls["sent_at"], account.zone),
        "ChargeDescription": model.fillna("a model") + ": " + tokens.astype(str) + " " + unit,
        **_times(calls),
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
        "ContractedCost": cost,
        "ContractedUnitPrice": worth,
        "EffectiveCost": cost,
        "ListCost": cost,
        "ListUnitPrice": worth,
        "PricingCurrency": "Ask Sage tokens",
        "PricingCurrencyEffectiveCost": quantity,
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "ResourceId": notebook,
        "ResourceName": notebook.map(lambda path: PurePosixPath(path).stem, na_action="ignore"),
        "ResourceType": notebook.where(notebook.isna(), "Notebook"),
        "SkuId": model,
        "SkuMeter": calls["meter"].astype(object),
        "SkuPriceId": model,
        "SubAccountId": project,
        "SubAccountName": project,
        "SubAccountType": project.where(project.isna(), "Project"),
        "Tags": _column(calls, "tags").fillna(json.dumps({})),
    }
    named = known | _SAME_FOR_ALL
    if version == "1.0":
        named = {_OLD_NAMES.get(name, name): column for name, column in named.items() if not _is_new(name)}
        named |= _OLD_TWIN
    table = pandas.DataFrame(dict(sorted(named.items())), index=calls.index)
    return table.join(_own(calls))


def _is_new(name: str) -> bool:
    """Whether 1.0 has it not."""
    return name in _NEW or name.startswith("PricingCurrency")


def _own(calls: pandas.DataFrame) -> pandas.DataFrame:
    """What FOCUS has no column for; its rule for names of one's own is ``x_`` and Pascal's case."""
    names = [column.name for column in LISTED if column.name in calls and column.name not in _TWIN]
    return calls[names].rename(columns=lambda name: f"x_{name.title().replace('_', '')}")


def _column(calls: pandas.DataFrame, name: str) -> Any:
    column = calls[name] if name in calls else pandas.Series(None, index=calls.index, dtype=object)
    column = column.astype(object)
    return column.where(column.notna(), None)


def _names(calls: pandas.DataFrame, name: str) -> Any:
    return _column(calls, name).map(_in_ascii, na_action="ignore")


def _in_ascii(name: object) -> str:
    """The name with all else written out: FOCUS has names of ASCII alone. CSV gives some back as numbers."""
    return str(name).encode("ascii", "backslashreplace").decode()


def _times(calls: pandas.DataFrame) -> dict[str, Any]:
    """When each began, and the first whole second after its end."""
    began = calls["sent_at"].dt.floor("s")
    took = calls["duration_ms"].fillna(0).astype("int64") if "duration_ms" in calls else 0
    ended = (calls["sent_at"] + pandas.to_timedelta(took, unit="ms")).dt.floor("s") + pandas.Timedelta("1s")
    return {"ChargePeriodStart": began.dt.strftime(_INSTANT), "ChargePeriodEnd": ended.dt.strftime(_INSTANT)}


def _periods(sent_at: Any, zone: str) -> dict[str, Any]:
    """The account's month of each, from its first instant to the next one's."""
    if sent_at.empty:
        return {"BillingPeriodStart": None, "BillingPeriodEnd": None}
    first, last = (month.period_at(_instant(sent_at.agg(which)), zone) for which in ("min", "max"))
    periods = [str(period) for period in pandas.period_range(first, last, freq="M")]
    edges = pandas.to_datetime(
        [*(month.bounds(each, zone)[0] for each in periods), month.bounds(last, zone)[1]], unit="us", utc=True
    )
    place = edges.searchsorted(sent_at, side="right")
    told = edges.strftime(_INSTANT)
    return {"BillingPeriodStart": told[place - 1], "BillingPeriodEnd": told[place]}


def _instant(moment: Any) -> int:
    return month.to_instant(moment.to_pydatetime())


def _decimals(numbers: Any) -> Any:
    return numbers.map(_decimal)


def _decimal(number: float) -> str:
    """With a point, without which the validators see no decimal, and without an exponent."""
    whole, _, part = f"{number:.12f}".partition(".")
    return f"{whole}.{part.rstrip('0') or '0'}"
