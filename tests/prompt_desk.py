"""A notebook of prompts in a browser: what is in it, and what a person does with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
LOOK = {"viewport": {"width": 1000, "height": 900}, "device_scale_factor": 1}
PROMPT = """%%asksage --max-tokens 900
# Tides

It's **high water** with the moon, for {harbour}:

```python
for hour in range(6):
    pass
```
"""
ESTIMATE = "%%asksage --estimate\nWhy is the sea salt?"
CELLS = ("%load_ext asksage_jupyter\n%asksage", PROMPT, "with open('a') as file: pass", ESTIMATE)
SHARED = "window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells"


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook of code cells, c0, c1, ..."""
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    return path


def cell(page: Page, number: int) -> Locator:
    """A cell of code, by its place from 0."""
    return page.locator(".jp-CodeCell").nth(number)


def edit(page: Page, number: int) -> None:
    """Put the cursor at a cell's end."""
    cell(page, number).locator(".cm-content").click()
    page.keyboard.press("Control+End")


def tag(page: Page, number: int) -> Locator:
    """The line below a prompt."""
    return cell(page, number).locator(".jp-asksage-Tag")


def price(page: Page, number: int) -> Locator:
    """The words of its price."""
    return tag(page, number).locator(".jp-asksage-price")


def write(page: Page, number: int, source: str) -> None:
    """Let a cell hold this, with the cursor in it."""
    edit(page, number)
    page.evaluate(f"source => {{ {SHARED}[{number}].setSource(source); }}", source)


def run(page: Page, number: int) -> None:
    """Run a cell."""
    edit(page, number)
    page.keyboard.press("Control+Enter")
