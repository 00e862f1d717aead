"""The front end's own checks: jest, and what eslint, prettier and the compiler say."""

import subprocess
import sys
from pathlib import Path

import node
import pytest

pytestmark = pytest.mark.long

CHECKS = Path(__file__).parents[1] / "labextension" / "test"


@pytest.fixture(scope="module")
def jlpm():
    """Run the front end's package manager among its checks; their tools come first."""

    def run(*arguments):
        done = subprocess.run(
            [Path(sys.executable).with_name("jlpm"), *arguments],
            cwd=CHECKS,
            env=node.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    run("install", "--immutable")
    return run


@pytest.mark.parametrize("script", ["test", "lint"])
def test_the_front_end_passes(script, jlpm):
    jlpm(script)
