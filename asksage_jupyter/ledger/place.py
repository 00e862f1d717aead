"""Where the ledger lies: its file and companions, and whether the disk is a network's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import LedgerUnusable

_BALLAST_BYTES = 1 << 20
_MOUNTS = Path("/proc/mounts")
_NETWORK_TYPES = frozenset(
    ["9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
     "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb", "smb2",
     "smb3", "smbfs", "vboxsf", "virtiofs"]
)  # fmt: skip


def path_of(where: str | Path) -> Path:
    """The ledger's file for a path or a URL like ``sqlite:////home/me/ledger.sqlite``.

    Raises
    ------
    LedgerUnusable
        Another database, or one that lives in memory.
    """
    text = str(where)
    scheme, colon, rest = text.partition("://")
    if not colon or isinstance(where, Path):
        path = text
    elif scheme.partition("+")[0] == "sqlite":
        path = rest.removeprefix("/")
    else:  # the URL itself is not repeated: it may hold a password
        raise LedgerUnusable(
            f"a ledger at {scheme}:// is not possible yet: PostgreSQL comes in a later version; set "
            f"ASKSAGE_LEDGER to a path."
        )
    if not path or ":memory:" in path or (colon and "?" in path):
        raise LedgerUnusable("the ledger must be a file: set ASKSAGE_LEDGER to a plain path.")
    return Path(path).expanduser().absolute()


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
            ballast.write_bytes(bytes(_BALLAST_BYTES))
    except OSError:
        return  # a convenience that may be missing


def is_on_network(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether `path` lies on a network file system, where SQLite's shared memory does not work."""
    if os.name == "nt":
        return str(path).startswith("\\\\")
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    where = path.resolve()
    depth, kind = -1, ""
    for line in lines:
        fields = line.split()
        point = Path(fields[1].replace("\\040", " "))
        if where.is_relative_to(point) and len(point.parts) >= depth:  # a later mount hides an earlier one
            depth, kind = len(point.parts), fields[2]
    return kind in _NETWORK_TYPES
