"""README and docs, as the tests read them."""

from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, ROOT / "CONTRIBUTING.md", *DOCS]
BOOK = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def fences(page: Path) -> list[tuple[str, str]]:
    """The blocks of a page: their language, and what is in them."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [(token.info.strip(), token.content) for token in tokens if token.type == "fence"]


def name_of(page: Path) -> str:
    return page.stem
