"""The local demo under a test's hand: clock, faults, another device, plan; an echo is its model."""

from controlled.control import Control, start

__all__ = ["Control", "start"]
