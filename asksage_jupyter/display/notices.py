"""What a person is told beside what they asked for."""

from __future__ import annotations

import sys
import warnings


def warn(message: str, *, stacklevel: int = 2) -> None:
    """Warn, and go on, also where the person made warnings errors: it must not cost what was paid for."""
    try:
        warnings.warn(message, stacklevel=stacklevel + 1)
    except Exception:  # noqa: BLE001  also of whatever shows warnings here
        sys.stderr.write(f"{message}\n")
