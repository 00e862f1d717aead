"""One JupyterLab for all tests that need no other, and a browser for each module of them."""

import pytest
from lab import chromium, demo_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab as `asksage-jupyter demo` starts it, with our notebooks."""
    with demo_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


# Of a module only: while Playwright runs, its event loop is in the way of every other.
@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser
