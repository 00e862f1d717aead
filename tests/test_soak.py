"""A quarter of a year, lived through with faults: each month's books agree to the token.

Before each month ends where its last evening is calm, and after it is over however it ended.
"""

import pytest
from quarter_desk import MONTHS, disagreements, opened

from asksage_jupyter.account import Meter

pytestmark = pytest.mark.long


@pytest.mark.parametrize("seed", range(6))
def test_ledger_and_service_agree_to_the_token(seed, tmp_path):
    with opened(seed, tmp_path / "service", "calm") as quarter:
        first = quarter.kernels[0]
        for year, month in MONTHS:
            ends = quarter.live(year, month)
            for meter in Meter:
                used = first.service.used(meter)
                assert first.ledger.used_in(first.account, meter) == used, (month, meter)
            balance = first.balance()
            assert max(0, balance.inference.remaining) == first.service.left(), month
            assert first.ledger.verify().ok
            quarter.cross_midnight(ends)
        assert {"Interrupted", "ReplyLost"} <= quarter.met


@pytest.mark.parametrize("mode", ["completion", "edge"])
@pytest.mark.parametrize("seed", range(2))
def test_a_closed_month_comes_to_the_services_count_however_it_ended(seed, mode, tmp_path):
    with opened(seed, tmp_path / "service", mode) as quarter:
        assert disagreements(quarter) == []
