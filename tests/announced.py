"""What a server of the tests says of itself as it starts."""

import re
import threading


def announced(process, pattern):
    """The match of `pattern` in what a process tells; the rest is read away, so that it never waits."""
    said, told = [], process.stderr or process.stdout
    for line in told:
        said.append(line)
        if found := re.search(pattern, line):
            threading.Thread(target=told.read, daemon=True).start()
            return found
    raise AssertionError("it did not start: " + "".join(said))
