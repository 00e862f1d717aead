"""The command line: ``asksage-jupyter demo | local | serve | doctor | team``, and what ``%asksage`` says too.

Exit codes: 0 done, 1 an expected failure told in one line, 2 a wrong option, 130 stopped with Ctrl-C.
A reader that stops early is no failure.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..commands import COMMANDS, machine
from ..display.plain import brief, in_terminal
from ..errors import AskSageError
from ..session.near import did_you_mean
from . import serving, shared, streams, team

_SHARED = shared.NAMES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    streams.make_fit()
    try:
        try:
            return _run(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            streams.flush()
    except AskSageError as error:
        streams.complain(in_terminal(str(error)))
        return 1
    except BrokenPipeError:
        streams.give_up()
        return 0
    except OSError as error:
        streams.give_up()
        streams.complain(f"{error.filename or 'the output'} cannot be written: {error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(words: list[str]) -> int:
    if words and words[0] in _SHARED:
        return shared.run(words[0], words[1:])
    if words and words[0] == "help":
        words = [*words[1:2], "--help"]
        return _run(words)
    options = _parser().parse_args(words)
    return int(options.command(options))


class _Parser(argparse.ArgumentParser):
    """argparse, but what cannot be written is an error here too, and `main` tells it."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            near = did_you_mean(value, action.choices)
            raise argparse.ArgumentError(
                None, f"there is no command {brief(value)}; {near}allowed are {', '.join(action.choices)}"
            )

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is not None:
            file.write(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="asksage-jupyter", description="The token meter for Ask Sage in Jupyter.")
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

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
    local.set_defaults(command=serving.local)

    for name in _SHARED:
        summary = COMMANDS[name].summary.replace("%", "%%")  # which argparse would fill in
        commands.add_parser(name, help=summary, add_help=False)

    serving.add_to(commands).set_defaults(command=serving.serve)
    team.add_to(commands).set_defaults(command=_team)

    doctor = commands.add_parser("doctor", help="check key, service, ledger and local model")
    doctor.add_argument(
        "--export", type=Path, metavar="FILE", help="save what is whole of the ledger, as .csv or .jsonl"
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.set_defaults(command=_doctor)
    return parser


def _version() -> str:
    found = [f"asksage_jupyter {importlib.metadata.version('asksage_jupyter')}"]
    found += [f"Python {platform.python_version()}"]
    for name, package in (("IPython", "ipython"), ("JupyterLab", "jupyterlab")):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(package)}")
    return ", ".join(found)


def _demo(options: argparse.Namespace) -> int:
    from .demo import check, show, tell_sidebar

    if not options.check:
        return show(options.notebook, options.lab)

    def balance_and_usage() -> None:
        from ..usage_log import report

        shared.run("balance", [])
        print()
        print(report())
        tell_sidebar()

    return check(options.notebook, then=balance_and_usage)


def _team(options: argparse.Namespace) -> int:
    told = options.tell(options)
    print(machine.as_json(told) if options.json else told)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    """One line a subject; 1 when one of them is wrong."""
    from .doctor import findings

    subjects = []
    for subject, found, is_right in findings(options.export):
        words = in_terminal(found)
        subjects.append({"subject": subject, "found": words, "is_right": is_right})
        if not options.json:
            print(f"{subject:<12} {'' if is_right else 'WRONG: '}{words}")
    if options.json:
        print(machine.as_json({"subjects": subjects}))
    return int(not all(each["is_right"] for each in subjects))
