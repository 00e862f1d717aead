"""README and docs speak of everything a person may use, and what they show runs against the demo."""

import contextlib
import re
import shlex
import tomllib
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from pages import BOOK, DOCS, PAGES, README, ROOT, fences, name_of

import asksage_jupyter
from asksage_jupyter import cli, local, session
from asksage_jupyter.settings import AskSage

NOT_CALLED = {"Comparison", "Reply", "__version__", "load_ipython_extension"}
TRAITS = [
    name for name, trait in AskSage.class_traits(config=True).items() if "ASKSAGE_" in (trait.help or "")
]
# test_cli.py, test_endpoint.py, test_jupyterhub.py, test_telemetry.py: a provider stays for the whole process
RUN_BY_OTHERS = (
    "asksage-jupyter demo",
    "asksage-jupyter serve",
    "# jupyterhub_config.py",
    "from opentelemetry import trace",
)
OF_OTHERS = {"psql", ".venv/bin/pytest"}
# The models that the pages name, and the demo's in their place.
NAMED = {"google-claude-45-haiku": "local-smollm2-135m", "gpt-5-mini": "auto"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo for the pages alone: they buy tokens and make datasets, and others count theirs."""
    with local.start(tmp_path_factory.mktemp("pages"), weights=local.fetch(), output_limit=24) as service:
        yield service


# -- nothing is missing -------------------------------------------------------------------------------------


def options(told):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*\b", told))


def not_told(options):
    def is_told(option):
        return re.search(rf"`[^`\n]*(?<![\w-]){re.escape(option)}(?![\w-])", BOOK)

    return {option for option in options if not is_told(option)}


def helped(capsys, *words):
    """What a command of the terminal says after --help."""
    with contextlib.suppress(SystemExit):
        cli.main([*words, "--help"])
    return capsys.readouterr().out


def subcommands(told):
    listed = told.partition("COMMAND\n")[2].partition("\n\n")[0]
    return re.findall(r"^ {4}([a-z][\w-]*)", listed, re.M)


def test_every_magic_and_its_options_are_told(shell, capsys):
    shell.run_line_magic("asksage", "help")
    told = capsys.readouterr().out
    commands = set(re.findall(r"^%asksage \[?([a-z-]+)", told, re.M))
    assert {"balance", "usage", "plan"} <= commands
    assert {command for command in commands if f"%asksage {command}" not in BOOK} == set()
    for topic in ("cell", *commands):
        shell.run_line_magic("asksage", f"help {topic}")
        told += capsys.readouterr().out
    assert {"--estimate", "--compare", "--by", "-o"} <= options(told)
    assert not_told(options(told)) == set()


def test_every_command_of_a_terminal_and_its_options_are_told(capsys):
    told = helped(capsys)
    commands = [[name] for name in subcommands(told)]
    commands += [["team", name] for name in subcommands(helped(capsys, "team"))]
    assert ["doctor"] in commands
    assert ["team", "cap"] in commands
    told += "".join(helped(capsys, *command) for command in commands)
    names = {" ".join(command) for command in commands}
    assert {name for name in names if not re.search(rf"(asksage-jupyter|%asksage) {name}\b", BOOK)} == set()
    assert {"--export", "--cap", "--json"} <= options(told)
    assert not_told(options(told)) == set()


@pytest.mark.parametrize("name", sorted(set(asksage_jupyter.__all__) - NOT_CALLED))
def test_every_public_function_is_shown_and_in_the_reference(name):
    assert f"sage.{name}(" in BOOK
    assert f".. autofunction:: {name}\n" in BOOK


@pytest.mark.parametrize("trait", TRAITS)
def test_every_setting_with_a_variable_is_told(trait):
    variable = re.search(r"ASKSAGE_\w+", AskSage.class_traits()[trait].help)[0]
    assert re.search(rf"^\| `{variable}` \| `{trait}` ", BOOK, re.M)


def test_the_readme_is_short_and_leads_to_every_page():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    own = {"index", "changelog", "contributing"}  # it is the first itself, and leads to what the others hold
    assert set(re.findall(r"\]\(docs/([\w-]+)\.md", text)) == {page.stem for page in DOCS} - own


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_links_to_is_there(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    files = [target.partition("#")[0] for target in targets if not urlsplit(target).scheme]
    assert [file for file in files if not (page.parent / file).exists()] == []


# -- what is shown runs -------------------------------------------------------------------------------------


def with_demos_models(code):
    for named, own in NAMED.items():
        code = code.replace(named, own)
    return code


def shape(said):
    """What was said, whatever its figures, days and models are, and however wide its columns."""
    for model in (*NAMED, *NAMED.values()):
        said = said.replace(model, "MODEL")
    said = re.sub(r"[\d,]*\d", "N", said)
    said = re.sub(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b", "MONTH", said)
    said = said.replace("Up to N a working day lasts until the reset.", "")  # not on the last working day
    return " ".join(re.sub(r"-{3,}", "", said).split())


def cells(page):
    """The cells of a page, each with what it shows, where the page tells it."""
    for (language, code), (after, said) in pairwise([*fences(page), ("", "")]):
        if language in ("ipython", "python") and not code.startswith(RUN_BY_OTHERS):
            yield code, said if after == "text" else ""


@pytest.mark.parametrize("page", [page for page in PAGES if list(cells(page))], ids=name_of)
def test_the_cells_of_a_page_run_and_show_what_it_says(page, at_demo, shell, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for code, said in cells(page):
        ran = shell.run_cell(with_demos_models(code))
        shown = capsys.readouterr().out
        if refused := re.match(r"([A-Z]\w+): ", said):
            assert type(ran.error_in_exec).__name__ == refused[1]
            shown = f"{refused[1]}: {ran.error_in_exec}"
        else:
            ran.raise_error()
        assert shape(said) in shape(shown)


def typed(page):
    """The commands of a page's consoles, each with what it shows, where the page tells it."""
    for language, text in fences(page):
        if language == "console":
            for command in text.removeprefix("$ ").split("\n$ "):
                yield command.partition("\n")[::2]


def ended(words):
    """The exit code of a command, as a program of its own would have it."""
    session.forget()
    AskSage.clear_instance()
    try:
        return cli.main(words)
    except SystemExit as end:
        return end.code or 0


def variables(told):
    return {word.partition("=")[0] for word in told}


@pytest.mark.parametrize("page", [page for page in PAGES if list(typed(page))], ids=name_of)
def test_the_commands_of_a_page_run_and_show_what_it_says(page, at_demo, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asksage_jupyter.ask("Name one ocean.")  # so that there is something to show
    for command, said in typed(page):
        if command.startswith(RUN_BY_OTHERS):
            continue
        match shlex.split(command, comments=True):
            case ["asksage-jupyter", *words]:
                capsys.readouterr()
                assert ended(words) == 0, (command, capsys.readouterr())
                assert shape(said) in shape(capsys.readouterr().out)
            case ["make", *words]:
                makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
                assert variables(words) <= set(re.findall(r"^([a-z]+):", makefile, re.M))
            case ["pip", "install", wanted]:
                project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
                assert set(re.findall(r"\[(\w+)\]", wanted)) <= set(project["optional-dependencies"])
            case ["export", *words]:
                assert {name for name in variables(words) if f"`{name}`" not in BOOK} == set()
            case [program, *_]:
                assert program in OF_OTHERS
