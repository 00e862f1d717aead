"""Run the benchmarks and keep what they print, with machine and versions, in ``RESULTS.md``.

``python benchmarks [NAME [ARGUMENT ...]]``; all that is measured when no name is given. A section of the
results is one run: another run of the same benchmark takes its place, and the others stay.
"""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
import sys
from datetime import date
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
ALL = (
    "tokens",
    "cell",
    "ledger",
    "usage",
    "explore",
    "distance",
    "estimates",
    "maps",
    "pace",
    "sidebar",
    "prompt",
)
VERSIONS = (
    *("tiktoken", "gigatoken", "httpx", "openai", "SQLAlchemy", "psycopg", "pandas", "pyarrow"),
    *("adbc-driver-sqlite", "duckdb", "statsforecast"),
)
TITLE = """# Results

Each section is one run of `make bench NAME=...`. Ratios within a run are what matters: on a machine that
is busy with other work, whose load is told, what waits for a thread or the disk takes many times as long.
"""


def main(names: list[list[str]]) -> None:
    for name, *arguments in names:
        printed = run([name, *arguments])
        sections = read()
        sections[name] = f"{about()}\n\n```text\n{printed}\n```\n"
        told = [f"\n## {title}\n\n{section}" for title, section in sorted(sections.items())]
        RESULTS.write_text(TITLE + "".join(told), encoding="utf-8")


def run(command: list[str]) -> str:
    """What a benchmark printed, which is shown as it comes; a failure is told, and the others go on."""
    print(f"--- {' '.join(command)}", flush=True)
    script = [sys.executable, "-u", str(HERE / f"{command[0]}.py"), *command[1:]]
    printed = [f"$ python benchmarks/{command[0]}.py {' '.join(command[1:])}".rstrip()]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            print(line, end="", flush=True)
            printed.append(line.rstrip())
    return "\n".join([*printed, *([f"failed with {child.returncode}"] if child.returncode else [])])


def read() -> dict[str, str]:
    """The sections that are there, by their titles."""
    kept = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    return dict(re.findall(r"^## (\S+)\n\n(.*?)(?=\n## |\Z)", kept, re.MULTILINE | re.DOTALL))


def about() -> str:
    """The machine, how busy it was, and what was installed."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    found = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    for name in VERSIONS:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    machine = f"{processor()}, {os.cpu_count()} cores{load}; {platform.system()}"
    return f"{date.today()}: {machine}.\n{', '.join(found)}."


def processor() -> str:
    try:
        told = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        told = None
    return told[1] if told else platform.processor() or platform.machine()


if __name__ == "__main__":
    if len(sys.argv) > 1 and not (HERE / f"{sys.argv[1]}.py").exists():
        sys.exit(f"there is no benchmark {sys.argv[1]}: {', '.join(ALL)}")
    main([sys.argv[1:]] if len(sys.argv) > 1 else [[name] for name in ALL])
