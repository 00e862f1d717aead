"""What a folder keeps, while other processes go on writing there."""

import contextlib
import os
from pathlib import Path


def contents(folder):
    """Each file below `folder` and its bytes, without those that are gone before they are read."""
    found = {}
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    found[path] = path.read_bytes()
    return found
