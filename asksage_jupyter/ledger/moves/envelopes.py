"""Envelopes: limits inside an account, each with a chain of its own beside its owner's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from ...account import Account, Envelope, Grant, Kind, Meter
from ..tables.chain import append
from ..tables.op import new_op
from ..tables.seek import States
from ..tables.state import State
from .grants import account_state, open_grant
from .paying import Payer


def enveloped(
    connection: Connection,
    owner: Account,
    meter: Meter,
    envelope: Envelope,
    rows: Iterable[Sequence[Any]],
    own: State,
) -> Payer:
    """The envelope as a payer, with what its limit leaves; made, or filled to another limit, where need be.

    Parameters
    ----------
    rows : iterable
        Of `STATES`, for the envelope's account.
    own : State
        Its owner's: the month is theirs.
    """
    account = replace(envelope.of(owner), zone=own.zone)
    state = States.of(rows, own.now).get(account, meter) or account_state(connection, account, meter, own.now)
    state = state.at(max(state.now, own.now))
    source, starts, ends = envelope.span(state.period, state.starts, state.ends)
    tail = next((tail for tail in state.tails if tail.source == source), None)
    if tail is None:
        wanted = Grant(0, source, starts, ends)
        tail = open_grant(connection, account, meter, state, envelope.tokens, wanted)
    elif tail.granted != envelope.tokens and not (envelope.is_soft and tail.granted > envelope.tokens):
        change = envelope.tokens - tail.granted
        tail = append(connection, tail, Kind.GRANT, new_op(), change, now=state.now)
    state = replace(state, tails=(tail,))
    return Payer(envelope.words, state, tail.room, envelope)
