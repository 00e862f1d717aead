"""The local demo: an Ask-Sage-shaped service on loopback, answered by a small real model on this machine.

It is a child process of whoever starts it, keeps its own counters in its own file, and never speaks to
Ask Sage. Its tokens are the holder ``local-demo``'s and pay for nothing elsewhere.
"""

from .start import LocalService, start
from .weights import chosen, fetch, verify

__all__ = ["LocalService", "chosen", "fetch", "start", "verify"]
