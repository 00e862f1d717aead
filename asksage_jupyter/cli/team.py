"""``asksage-jupyter team``: one pool for many, by whoever owns its ledger."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .. import month
from ..account import Meter
from ..display.dates import day
from ..errors import BadInput
from ..prompting.checks import OneOf, tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..team import Change, Team, TeamReport

_ONLY_SHOWN = "Nothing was booked: run it again with --apply."
_ENFORCED = "The database enforces who sees and writes what."
_NO_ROLES = "The ledger is a file, which knows no roles: whoever can write it can do anything to it."


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command; each of those below it sets `tell`, which does it and says what was done."""
    team: argparse.ArgumentParser = commands.add_parser(
        "team", help="share one pool of tokens: members, caps, roles"
    )
    below = team.add_subparsers(required=True, metavar="COMMAND")

    init = _command(below, "init", _init, "make a pool or tell its tokens, and the roles on PostgreSQL")
    init.add_argument("--monthly", type=tokens, metavar="N", help="inference tokens a month")
    init.add_argument("--training", type=tokens, metavar="N", help="training tokens a month")

    add = _command(below, "add", _add, "let a person spend from the pool")
    add.add_argument("name", metavar="NAME", help="their e-mail at Ask Sage")
    add.add_argument("--cap", type=tokens, metavar="N", help="inference tokens a month; without it, no cap")
    add.add_argument("--training-cap", type=tokens, metavar="N", help="training tokens a month")
    add.add_argument("--login", metavar="ROLE", help="their login of PostgreSQL; default: as before the @")

    remove = _command(below, "remove", _remove, "let a member go; their history stays")
    remove.add_argument("name", metavar="NAME")

    cap = _command(below, "cap", _cap, "change a member's cap")
    cap.add_argument("name", metavar="NAME")
    cap.add_argument("tokens", type=_cap_tokens, metavar="N", help="tokens a month, or none")
    cap.add_argument("--meter", type=OneOf(Meter), default=Meter.INFERENCE)

    grant = _command(below, "grant", _grant, "let a member spend more than their cap, until a day")
    grant.add_argument("name", metavar="NAME")
    grant.add_argument("tokens", type=tokens, metavar="N", help="tokens, spent before the cap counts")
    grant.add_argument("--until", required=True, metavar="DATE", help="the last day they can be spent")
    grant.add_argument("--meter", type=OneOf(Meter), default=Meter.INFERENCE)

    report = _command(below, "report", _report, "members, how long it lasts, what it went to")
    report.add_argument("--html", metavar="FILE", help="write it as a page to send")
    report.add_argument("--json", action="store_true", help="all figures, for programs")

    take = _command(below, "import-admin", _import, "take the organisation's limits as caps")
    take.add_argument("--apply", action="store_true", help="book them; without it they are only shown")
    return team


def _command(
    below: Any, name: str, tell: Callable[[argparse.Namespace], object], what: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = below.add_parser(name, help=what)
    parser.add_argument("--pool", metavar="NAME", help="default: the only one")
    parser.set_defaults(tell=tell, json=False)
    return parser


def _init(options: argparse.Namespace) -> str:
    from ..session import current
    from ..team import Team

    session = current()
    monthly = _by_meter(options.monthly, options.training)
    if monthly and options.pool is None:
        raise BadInput("name the pool: asksage-jupyter team init --pool NAME --monthly N")
    rule = _ENFORCED if session.ledger.install_roles() else _NO_ROLES
    if options.pool is None:
        return rule
    account = session.account
    team = Team.make(session.ledger, account.host, options.pool, account.zone, monthly)
    given = " and ".join(f"{tokens:,} {meter}" for meter, tokens in monthly.items())
    return f"Pool {team.pool.pool}{f': {given} tokens a month' if given else ''}.\n{rule}"


def _add(options: argparse.Namespace) -> str:
    team = _team(options)
    login = (options.login or options.name.partition("@")[0]) if team.ledger.has_roles() else None
    added = team.add(options.name, _by_meter(options.cap, options.training_cap), login)
    meters = " and ".join(added.meters)
    name = added.account.holder
    told = f"{name} spends from {team.pool.pool}: {meters}." if meters else f"{name} was a member already."
    if added.login is None:
        return told
    return f"{told}\nThe login {added.login} acts for them; set its password, if it needs one, in PostgreSQL."


def _remove(options: argparse.Namespace) -> str:
    team = _team(options)
    team.remove(options.name)
    return f"{options.name} has left; their history stays."


def _cap(options: argparse.Namespace) -> str:
    team = _team(options)
    team.cap(options.name, options.meter, options.tokens)
    cap = "no cap" if options.tokens is None else f"a cap of {options.tokens:,} tokens a month"
    return f"{options.name} has {cap} on the {options.meter} meter."


def _grant(options: argparse.Namespace) -> str:
    team = _team(options)
    ends = team.grant(options.name, options.meter, options.tokens, options.until)
    if ends is None:
        return f"{options.name} was granted that already."
    until = day(month.local_day(ends - 1, team.pool.zone), year=True)
    return (
        f"{options.name} may spend {options.tokens:,} {options.meter} tokens of {team.pool.pool} beside the "
        f"cap through {until}. What is left of them then was the pool's all the time."
    )


def _report(options: argparse.Namespace) -> TeamReport | str:
    from ..session import current

    session = current()
    report = _team(options).report(session.clock(), session.settings.working_days)
    if options.html is None:
        return report
    report.save(options.html)
    return f"The report is in {options.html}."


def _import(options: argparse.Namespace) -> str:
    from ..session import current
    from ..team import planned

    team = _team(options)
    users = current().service.users()
    changes: list[Change] = []
    for meter in Meter:
        if team.ledger.knows_month(team.pool, meter):
            changes += planned(users, meter, team.ledger.members(team.pool, meter))
    if not changes:
        return f"{len(users):,} users read: every limit is a cap already."
    booked = f"{team.apply(changes):,} caps booked." if options.apply else _ONLY_SHOWN
    return "\n".join([*map(str, changes), booked])


def _team(options: argparse.Namespace) -> Team:
    from ..session import current
    from ..team import Team

    session = current()
    return Team.of(session.ledger, session.account.host, options.pool)


def _by_meter(inference: int | None, training: int | None) -> dict[Meter, int]:
    told = {Meter.INFERENCE: inference, Meter.TRAINING: training}
    return {meter: tokens for meter, tokens in told.items() if tokens is not None}


def _cap_tokens(text: str) -> int | None:
    return None if text == "none" else tokens(text)
