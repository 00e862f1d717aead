"""Print the oldest versions that pyproject.toml allows, as requirements: what `make lowest` installs.

What is used to run the tests comes as it is declared; its bounds are nobody's but ours.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_EXTRAS = ("analysis", "keyring", "postgres")
_OF_DEMO = ("ipykernel", "tornado")
_OF_TESTS = ("hypothesis", "psutil", "pytest", "pytest-cov", "pytest-jupyter", "pytest-xdist")


def main() -> None:
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for extra in _EXTRAS for line in extras[extra])]
    wanted += [line for line in extras["demo"] if line.startswith(_OF_DEMO)]
    for requirement in wanted:
        print(re.sub(r"\s*>=\s*", "==", requirement))
    for requirement in extras["test"]:
        if re.split(r"[\[>=<]", requirement)[0] in _OF_TESTS:
            print(requirement)


if __name__ == "__main__":
    main()
