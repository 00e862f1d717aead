"""Another extension as the docs tell it: compiled against our types, built by itself, and run beside ours."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import node
import pytest
from lab import WAIT_MS, chromium, needs_chromium, plain_lab, visit
from prompt_desk import CELLS, write_notebook
from tenant import environment, open_tenant

LABEXTENSION = Path(__file__).parents[1] / "labextension"
MODULES, TYPES = LABEXTENSION / "node_modules", LABEXTENSION / "lib" / "index.d.ts"
pytestmark = [
    needs_chromium,
    pytest.mark.long,
    pytest.mark.skipif(not (TYPES.exists() and MODULES.exists()), reason="the sidebar was not built here"),
]

MANUAL = (LABEXTENSION.parent / "docs" / "in-jupyterlab.md").read_text("utf-8")
EXAMPLE = re.search(r"```typescript\n(.*?)```", MANUAL, re.DOTALL)[1]
SHARED = json.loads(re.search(r'`(\{"sharedPackages": .*?\}\}\})`', MANUAL)[1])
PACKAGE = {
    "name": "my-chat",
    "version": "0.1.0",
    "main": "lib/index.js",
    "files": ["lib/*.js"],
    "dependencies": {"@asksage/jupyter": "*"},
    "devDependencies": {"@jupyter/builder": "*"},
    "jupyterlab": {"extension": True, "outputDir": "bundle", **SHARED},
}
COMPILER = {
    "compilerOptions": {
        "strict": True, "target": "ES2018", "lib": ["DOM", "ES2022"], "module": "esnext", "types": [],
        "moduleResolution": "node", "skipLibCheck": True, "rootDir": "src", "outDir": "lib",
    }
}  # fmt: skip


def run(*command):
    done = subprocess.run(
        command, env=node.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def extension(tmp_path):
    """A folder of JupyterLab's data with the docs' example in it, built."""
    folder = tmp_path / "my-chat"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "index.ts").write_text(EXAMPLE)
    (folder / "package.json").write_text(json.dumps(PACKAGE))
    (folder / "tsconfig.json").write_text(json.dumps(COMPILER))
    own = folder / "node_modules"
    (own / "@asksage").mkdir(parents=True)
    (own / "@asksage" / "jupyter").symlink_to(LABEXTENSION)
    for each in MODULES.iterdir():
        if not each.name.startswith("."):
            (own / each.name).symlink_to(each)
    run(node.PROGRAM, MODULES / "typescript" / "bin" / "tsc", "-p", folder)
    run(Path(sys.executable).with_name("jupyter-builder"), "build", folder)
    data = tmp_path / "data-of-others"
    shutil.copytree(folder / "bundle", data / "labextensions" / PACKAGE["name"])
    return data


def test_the_docs_example_is_told_a_price_by_the_token_that_it_shares_with_us(extension, tmp_path):
    found = os.pathsep.join(filter(None, [str(extension), os.environ.get("JUPYTER_PATH")]))
    with closing(open_tenant()) as tenant:
        settings = environment(tenant, tmp_path) | {"JUPYTER_PATH": found}
        with plain_lab(tmp_path, settings) as lab, chromium() as browser:
            page = browser.new_page()
            with page.expect_console_message(
                lambda message: message.text.startswith("quiet "), timeout=WAIT_MS
            ) as told:
                visit(page, lab, write_notebook(tmp_path / "a.ipynb", *CELLS))
            assert told.value.text == "quiet The rates of gpt-5 are not known here yet"
