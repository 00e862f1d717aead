"""What the project says of its calls: ``[tool.asksage]`` of the nearest ``pyproject.toml``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...display.plain import told
from ...errors import ConfigurationError


def table(name: str, folder: Path | None = None) -> tuple[dict[str, Any], Path | None]:
    """The table ``[tool.asksage.NAME]`` and its file, from the working folder up to the repository's root.

    The nearest file that has a ``[tool.asksage]`` counts, so that a package within a repository needs none.

    Parameters
    ----------
    folder : Path, optional
        Instead of the working folder.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or what it says is no table. Nothing is taken for said then: a limit in it
        would be silently void.
    """
    for path in _candidates(folder):
        try:
            found = path.stat()
        except OSError:
            continue
        tool = _read(path, found.st_mtime_ns, found.st_size).get("tool", {})
        said = tool.get("asksage") if isinstance(tool, dict) else None
        if said is None:
            continue
        wanted = said.get(name, {}) if isinstance(said, dict) else None
        if not isinstance(wanted, dict):
            raise ConfigurationError(f"{path}: [tool.asksage.{name}] is no table")
        return wanted, path
    return {}, None


def project_name(path: Path) -> str:
    """What a project's file calls it; its folder's name where it does not."""
    found = path.stat()
    project = _read(path, found.st_mtime_ns, found.st_size).get("project", {})
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) and name else path.parent.name


def _candidates(folder: Path | None) -> Iterator[Path]:
    """The files that may be the project's, nearest first."""
    try:
        here = folder or Path.cwd()
    except OSError:  # the folder was deleted
        return
    for project, repository in _above(here):
        yield project
        if repository.exists():
            return


@lru_cache(maxsize=8)
def _above(here: Path) -> tuple[tuple[Path, Path], ...]:
    """What tells of a project, and of a repository's root, in each folder: each call looks there anew."""
    return tuple((folder / "pyproject.toml", folder / ".git") for folder in (here, *here.parents))


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int, _size: int) -> Any:
    """All that the file says."""
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} cannot be read ({told(error)}): correct it first") from None
