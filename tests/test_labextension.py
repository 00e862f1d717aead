"""The front end's own checks: jest, and what eslint, prettier and the compiler say."""

import subprocess
import sys
from pathlib import Path

import node
import pytest

LABEXTENSION = Path(__file__).parents[1] / "labextension"


@pytest.mark.parametrize("script", ["test", "lint"])
def test_the_front_end_passes(script):
    done = subprocess.run(
        [Path(sys.executable).with_name("jlpm"), script],
        cwd=LABEXTENSION,
        env=node.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
