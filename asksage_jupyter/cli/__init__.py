"""The command line: ``asksage-jupyter demo | local | balance | usage | reconcile | statement | team | ...``.

Exit codes: 0 done, 1 an expected failure told in one line, 2 a wrong option, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import AskSageError, ConfigurationError, spoken_as
from . import team


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    as_before = spoken_as.set("asksage-jupyter")
    try:
        return int(options.command(options))
    except AskSageError as error:
        print(f"asksage-jupyter: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        spoken_as.reset(as_before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asksage-jupyter", description="The token meter for Ask Sage in Jupyter."
    )
    parser.add_argument("--version", action="version", version=importlib.metadata.version("asksage_jupyter"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo", help="try it in JupyterLab, with a small model on this machine and no key"
    )
    demo.add_argument("--check", action="store_true", help="execute the notebook without a browser instead")
    demo.add_argument("--notebook", type=Path, metavar="PATH", help="another notebook than the quickstart")
    demo.add_argument(
        "lab", nargs="*", metavar="-- LAB-OPTION", help="handed on to JupyterLab, e.g. -- --no-browser"
    )
    demo.set_defaults(command=_demo)

    local = commands.add_parser("local", help="run the local demo service alone, until Ctrl-C")
    local.set_defaults(command=_local)

    balance = commands.add_parser("balance", help="what is left on both meters")
    balance.set_defaults(command=_balance)

    usage = commands.add_parser("usage", help="what the tokens of a month went to")
    usage.add_argument("--by", metavar="NAME", default="model", help="default: model; or notebook, day, ...")
    usage.add_argument("--period", metavar="YYYY-MM", help="default: this month")
    usage.add_argument("--since", metavar="DATE", help="instead: from this day or time on")
    usage.add_argument("--until", metavar="DATE", help="through this day, or until this time")
    usage.set_defaults(command=_usage)

    login = commands.add_parser("login", help="ask for your key without showing it, and keep it")
    login.set_defaults(command=_login)

    reconcile = commands.add_parser("reconcile", help="compare with the service, and book what was missing")
    reconcile.set_defaults(command=_reconcile)

    statement = commands.add_parser("statement", help="a month on one page, as Markdown")
    statement.add_argument("--period", metavar="YYYY-MM", help="default: this month")
    statement.set_defaults(command=_statement)

    team.add_to(commands).set_defaults(command=_team)

    doctor = commands.add_parser("doctor", help="check key, service, ledger and local model")
    doctor.add_argument(
        "--export", type=Path, metavar="FILE", help="save what is whole of the ledger, as .csv or .jsonl"
    )
    doctor.set_defaults(command=_doctor)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from .demo import check, show, tell_sidebar

    if not options.check:
        return show(options.notebook, options.lab)

    def balance_and_usage() -> None:
        from ..usage_log import report

        _balance(options)
        print()
        print(report())
        tell_sidebar()

    return check(options.notebook, then=balance_and_usage)


def _local(_: argparse.Namespace) -> int:
    from .. import local
    from .demo import found_weights, say

    with local.start(weights=found_weights()) as service:
        word = "set" if os.name == "nt" else "export"
        for name, value in service.environment.items():
            print(f"{word} {name}={shlex.quote(value)}", flush=True)
        say("the local demo runs until Ctrl-C; put the lines above into another terminal")
        try:
            code = service.process.wait()
        except KeyboardInterrupt:
            return 0
    raise ConfigurationError(f"the local demo ended by itself (exit code {code})")


def _balance(_: argparse.Namespace) -> int:
    from .last_used import balance

    print(balance())
    return 0


def _login(_: argparse.Namespace) -> int:
    from ..session import current
    from ..session.login import log_in

    print(log_in())
    print(current().balance())
    return 0


def _usage(options: argparse.Namespace) -> int:
    from ..usage_log import report
    from .last_used import follow_last_used

    follow_last_used()
    print(report(options.by, options.period, options.since, options.until))
    return 0


def _reconcile(_: argparse.Namespace) -> int:
    from ..reconciling import reconcile

    print(reconcile())
    return 0


def _statement(options: argparse.Namespace) -> int:
    from ..statements import statement
    from .last_used import follow_last_used

    follow_last_used()
    print(statement(options.period))
    return 0


def _team(options: argparse.Namespace) -> int:
    print(options.tell(options))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    """One line a subject; 1 when one of them is wrong."""
    from .doctor import findings

    failed = 0
    for subject, found, is_right in findings(options.export):
        failed |= not is_right
        print(f"{subject:<12} {found if is_right else f'WRONG: {found}'}")
    return failed
