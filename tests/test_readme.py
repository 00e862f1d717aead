"""The README speaks of everything a person may use."""

import re
from pathlib import Path

import pytest

import asksage_jupyter
from asksage_jupyter.magic import line, options
from asksage_jupyter.settings import AskSage

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

NOT_CALLED = {"Comparison", "Reply", "__version__", "load_ipython_extension"}
TRAITS = [
    name for name, trait in AskSage.class_traits(config=True).items() if "ASKSAGE_" in (trait.help or "")
]


@pytest.mark.parametrize("option", [name for name in options.names() if name not in ("-h", "--help")])
def test_every_option_of_a_cell_is_in_the_readme(option):
    assert re.search(rf"`[^`\n]*(?<![\w-]){re.escape(option)}(?![\w-])", README)


@pytest.mark.parametrize("command", list(line.COMMANDS))
def test_every_subcommand_is_in_the_readme(command):
    assert f"%asksage {command}" in README


@pytest.mark.parametrize("name", sorted(set(asksage_jupyter.__all__) - NOT_CALLED))
def test_every_public_function_is_in_the_readme(name):
    assert f".{name}(" in README


@pytest.mark.parametrize("trait", TRAITS)
def test_every_setting_with_a_variable_is_in_the_readme(trait):
    variable = re.search(r"ASKSAGE_\w+", AskSage.class_traits()[trait].help)[0]
    assert re.search(rf"^\| `{variable}` \| `{trait}` ", README, re.M)


def test_pictures_of_the_readme_are_there():
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)
