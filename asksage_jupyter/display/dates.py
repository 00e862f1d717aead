"""Dates as people read them here, whatever the machine's language: "1 Dec", "1 Dec 2026"."""

from __future__ import annotations

from datetime import date

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(date: date, *, year: bool = False) -> str:
    """The day and its month, with the year where it does not go without saying."""
    words = f"{date.day} {MONTHS[date.month - 1]}"
    return f"{words} {date.year}" if year else words
