"""What the site tells of the code itself, anew at each build.

`rooms` draws a package's children and lists them; `traits` lists the settings with their help; `benchmarks`
lists what is measured.
"""

from __future__ import annotations

import ast
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, ClassVar

import grimp
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from drawing import Imports, drawing, levels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
PACKAGE = "asksage_jupyter"


def imports(package: str) -> Imports:
    """What each child of `package` imports of the others; a child is all that lies in it."""
    graph = deepcopy(_graph())
    children = graph.find_children(package) - {f"{package}.__main__"}  # which only calls
    for child in children:
        graph.squash_module(child)
    return {
        child: {
            other for other in graph.find_modules_directly_imported_by(child) if other in children - {child}
        }
        for child in children
    }


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, cache_dir=None)


def summary(module: str) -> str:
    """The first paragraph of its docstring."""
    return first_words(source(module)[0])


def source(module: str) -> list[Path]:
    """Its file, and with a package's all others below it."""
    place = ROOT.joinpath(*module.split("."))
    if place.is_dir():
        return [place / "__init__.py", *sorted(set(place.rglob("*.py")) - {place / "__init__.py"})]
    return [place.with_suffix(".py")]


def first_words(file: Path) -> str:
    """The first paragraph of a module's docstring, as a cell of a table."""
    told = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(told.split("\n\n", maxsplit=1)[0].split()).replace("``", "`").replace("|", r"\|")


class _Made(Directive):
    """A directive whose Markdown is made."""

    optional_arguments: ClassVar[int] = 1

    def lines(self) -> Iterator[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        made = nodes.container()
        self.state.nested_parse(StringList(list(self.lines()), source=__file__), 0, made)
        return made.children


class Rooms(_Made):
    """``rooms [package]``: the drawing, and a table of what each is."""

    def run(self) -> list[nodes.Node]:
        package = self._package()
        found = imports(package)
        drawn = drawing(found, {name: summary(name) for name in found})
        return [nodes.raw("", f"<figure>{drawn}</figure>", format="html"), *super().run()]

    def _package(self) -> str:
        return ".".join([PACKAGE, *self.arguments])

    def lines(self) -> Iterator[str]:
        yield from ("| room | what it is | modules | lines |", "| --- | --- | ---: | ---: |")
        for row in levels(imports(self._package())):
            for name in row:
                files = source(name)
                lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
                yield f"| `{name.rpartition('.')[2]}` | {summary(name)} | {len(files)} | {lines:,} |"


class Traits(_Made):
    """``traits``: every setting, its default and help, as `%config AskSage` shows them."""

    def lines(self) -> Iterator[str]:
        from asksage_jupyter.settings import AskSage

        for name, trait in sorted(AskSage.class_traits(config=True).items()):
            yield from (f"`{name}` ({type(trait).__name__})", f": {' '.join((trait.help or '').split())}", "")


class Benchmarks(_Made):
    """``benchmarks``: each of them, and what it measures."""

    def lines(self) -> Iterator[str]:
        yield from ("| run | measures |", "| --- | --- |")
        for file in sorted((ROOT / "benchmarks").glob("[!_]*.py")):
            yield f"| `python benchmarks/{file.name}` | {first_words(file)} |"


def _is_left_out(
    app: Sphinx, what: str, name: str, member: object, is_skipped: bool, options: object
) -> bool | None:
    """Nobody makes records and errors by hand, and a page of classes has no use for functions."""
    return True if name == "__init__" or (what == "module" and isinstance(member, FunctionType)) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", _is_left_out)
    for directive in (Rooms, Traits, Benchmarks):
        app.add_directive(directive.__name__.lower(), directive)
    return {"parallel_read_safe": True}
