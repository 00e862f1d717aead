"""Where the ledger lies: a file or a database, its companions, and whether the disk is a network's."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url

from ...errors import LedgerUnusable
from .address import data_folder, shown

_BALLAST_BYTES = 1 << 20
_MOUNTS = Path("/proc/mounts")
# Whose files one machine alone has open, and whose memory maps are shared by all who do. A kind that is not
# among them is taken for a network's: the most that costs is time, and the other mistake costs the ledger.
_LOCAL_TYPES = frozenset(
    ["affs", "apfs", "aufs", "bcachefs", "btrfs", "devtmpfs", "ecryptfs", "erofs", "exfat", "ext2", "ext3",
     "ext4", "f2fs", "ffs", "hfs", "hfsplus", "iso9660", "jffs2", "jfs", "minix", "msdos", "msdosfs",
     "nilfs2", "ntfs", "ntfs3", "overlay", "ramfs", "reiserfs", "rootfs", "squashfs", "tmpfs", "ubifs", "udf",
     "ufs", "vfat", "xfs", "zfs"]
)  # fmt: skip
_MOUNT_PROGRAM = "/sbin/mount"  # what macOS and the BSDs have in place of a table


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ledger is.

    Attributes
    ----------
    title : str
        How it is shown: a path, or a URL without user, password and options.
    folder : Path
        Where companion files live; of a database, in this person's data folder.
    path : Path or None
        The SQLite file.
    url : URL or None
        The PostgreSQL database, in SQLAlchemy's words.
    """

    title: str
    folder: Path
    path: Path | None = None
    url: URL | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What companion files are named after."""
        return self.path.name if self.path is not None else "ledger"

    @property
    def outbox(self) -> Path:
        """Where bills wait that could not be booked; those of a database, with the login that held them."""
        if self.url is None:
            return self.folder / f"{self.name}.outbox"
        login = self.url.username or self.url.query.get("user") or os.environ.get("PGUSER") or "own"
        named = hashlib.sha256(repr(login).encode()).hexdigest()[:12]
        return self.folder / f"{self.name}-{named}.outbox"


def place_of(where: str | Path) -> Place:
    """The place for a path, or a URL like ``sqlite:////home/me/ledger.sqlite`` or ``postgresql://host/name``.

    Raises
    ------
    LedgerUnusable
        Another database, one that lives in memory, or what is no URL.
    """
    text = str(where)
    scheme, colon, rest = text.partition("://")
    if not colon or isinstance(where, Path):
        return _file(text)
    match scheme.lower():
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return _database(rest)
        case other if other.partition("+")[0] == "sqlite":
            return _file(rest.removeprefix("/") if "?" not in rest else "")
    raise LedgerUnusable(
        "the ledger is kept in SQLite or PostgreSQL alone: set ASKSAGE_LEDGER to a path, or to a URL like "
        "postgresql://user@host/database."
    )


def _file(text: str) -> Place:
    if not text or ":memory:" in text or "\0" in text:
        raise LedgerUnusable("the ledger must be a file: set ASKSAGE_LEDGER to a plain path.")
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError:
        raise LedgerUnusable(
            f"the ledger {text} begins with a home that is not here: set ASKSAGE_LEDGER to a whole path."
        ) from None
    except OSError:
        raise LedgerUnusable(
            f"the ledger {text} lies in this folder, which was deleted: set ASKSAGE_LEDGER to a whole path."
        ) from None
    return Place(str(path), path.parent, path=path)


def _database(rest: str) -> Place:
    # The URL is not repeated in a message, nor is what SQLAlchemy says of it: both may hold a password.
    try:
        url = make_url(f"postgresql+psycopg://{rest}")
    except Exception:  # noqa: BLE001
        raise LedgerUnusable(
            "ASKSAGE_LEDGER is no URL: write it like postgresql://user@host/database, and special characters "
            "of a password as %40 for @."
        ) from None
    title = shown(f"postgresql://{rest}")
    # The host may stand among the options, as the folder of a socket does.
    told_apart = (title, *(url.query.get(name) for name in ("host", "port", "options")))
    named = hashlib.sha256(repr(told_apart).encode()).hexdigest()[:12]
    folder = data_folder() / f"postgresql-{named}"
    return Place(title, folder, url=url)


def make_file(path: Path) -> None:
    """Make the file, readable by its owner alone, and the folders above it."""
    folders = [path.parent]
    while not folders[-1].exists():
        folders.append(folders[-1].parent)
    for folder in reversed(folders[:-1]):
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        # Exclusively: a file that exists may be open in this process, and must not be opened again.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return


def lock_file_of(path: Path) -> Path:
    """The file on which writers wait for one another."""
    return path.with_name(f"{path.name}.lock")


def ballast_of(path: Path) -> Path:
    """The file that is given up when the disk is full, so that what was spent can still be booked."""
    return path.with_name(f"{path.name}.ballast")


def keep_ballast(path: Path) -> None:
    """Make the ballast when it is missing and there is ample room."""
    ballast = ballast_of(path)
    try:
        if not ballast.exists() and shutil.disk_usage(path.parent).free > 16 * _BALLAST_BYTES:
            with os.fdopen(os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(bytes(_BALLAST_BYTES))
    except OSError:
        return  # a convenience that may be missing


def is_on_network(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether `path` lies on a network file system, where SQLite's shared memory does not work.

    A kind of file system that is not known counts as one; where nothing tells of mounts, none does.
    """
    where = Path(os.path.realpath(path))  # which also mounts what is mounted when it is looked at
    if os.name == "nt":
        return str(where).removeprefix("\\\\?\\").startswith(("\\\\", "UNC\\"))
    depth, kind = -1, ""
    for point, found in _mounted(mounts):
        if where.is_relative_to(point) and len(point.parts) >= depth:  # a later mount hides an earlier one
            depth, kind = len(point.parts), found
    return depth >= 0 and kind not in _LOCAL_TYPES


def _mounted(mounts: Path) -> Iterator[tuple[Path, str]]:
    """Each mount's point and kind, in the order they were made."""
    try:
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        yield from _told_by_program() if mounts == _MOUNTS else ()
        return
    for line in table.splitlines():
        match line.split():
            case [_, point, kind, *_]:
                # Blanks and backslashes are written as three octal digits.
                yield Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point)), kind


def _told_by_program() -> Iterator[tuple[Path, str]]:
    if not os.access(_MOUNT_PROGRAM, os.X_OK):
        return
    said = subprocess.run(  # noqa: S603  a fixed program, asked nothing
        [_MOUNT_PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="surrogateescape"
    ).stdout
    for line in said.splitlines():  # "/dev/disk1s1 on / (apfs, local, journaled)"
        if told := re.fullmatch(r".+? on (/.*) \(([^,)]+).*\)", line):
            yield Path(told[1]), told[2]
