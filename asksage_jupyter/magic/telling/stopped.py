"""What is shown of a map that ended before its end, whoever called it: its report, below the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import JobStopped

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult


def after_cell(ran: ExecutionResult) -> None:
    """Show it where nobody caught the error: what it brought along would be out of reach, unseen."""
    if isinstance(stopped := ran.error_in_exec, JobStopped):
        from ..showing import show

        show.present(stopped.result, show.bill(stopped.result.tokens))
        show.mention("import sys; sys.last_value.result has its rows, and .failed those without an answer")
