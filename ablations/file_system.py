"""File systems: what kind a path is on, whether there is room, and how they say that they fail."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil

from ablations.errors import UserError

NEEDED_BYTES = 50_000_000
# what a network file system says that is gone, or just going
GONE = (errno.ENOTCONN, errno.ECONNABORTED, errno.ESTALE, errno.EIO)
# what any says to which nobody can write at the moment
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, *GONE)

# shared between hosts; those that run in user space are called fuse.NAME
NETWORK = re.compile(
    r"(fuse\.)?(nfs\d?|cifs|smb\w*|ncpfs|afs|auristorfs|coda|lustre|gpfs|beegfs|fhgfs|ceph|ceph-fuse|"
    r"glusterfs|pvfs2|orangefs|panfs|wekafs|quobyte|mfs|lizardfs|juicefs|9p|sshfs|davfs2?|s3fs|rclone)"
)


def words_of(error: OSError) -> str:
    """What a file system refuses, and for which file, in one sentence."""
    message = str(error.strerror or error)
    message += f": {error.filename}" if error.filename else ""
    if error.errno in GONE:
        message += "; mount that file system again, then repeat the command"
    return message


def file_system(path: Path) -> str:
    """The type of the file system that holds `path`, there or not yet, such as ext4 or fuse.sshfs.

    Empty where the machine does not tell.
    """
    path = Path(os.path.realpath(path))
    over = [part for part in psutil.disk_partitions(all=True) if path.is_relative_to(part[1])]
    # of two that are mounted at one path, the later hides the earlier
    nearest = max(reversed(over), key=lambda part: len(part.mountpoint), default=None)
    return nearest.fstype if nearest else ""


def may_write(path: Path) -> bool:
    """Whether this user may write to a file or into a folder, there or not yet."""
    path = Path(os.path.realpath(path))
    while not path.exists():
        path = path.parent
    return os.access(path, os.W_OK | os.X_OK if path.is_dir() else os.W_OK)


def is_network(kind: str) -> bool:
    """Whether file systems of this type are shared between hosts."""
    return NETWORK.fullmatch(kind) is not None


def lack_of_space(root: Path) -> str | None:
    """What to say where the disk of a home is all but full."""
    free = shutil.disk_usage(root).free
    if free >= NEEDED_BYTES:
        return None
    return (
        f"only {free / 1e6:.0f} MB are free on the disk of {root}; make room or name another "
        "folder with --home"
    )


def check_space(root: Path) -> None:
    """Make the home where it is missing, and refuse one to which nothing can be written.

    Raises:
        UserError: the folder cannot be written, or its disk is all but full.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()  # nameless: launches at once share the folder
    except OSError as error:
        raise UserError(
            f"cannot write to {root}: {error.strerror}; name another folder with --home"
        ) from None
    lack = lack_of_space(root)
    if lack:
        raise UserError(lack)
