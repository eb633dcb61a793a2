"""What kind of file system a path is on."""

from __future__ import annotations

import re
from pathlib import Path

import psutil

# shared between hosts; those that run in user space are called fuse.NAME
NETWORK = re.compile(
    r"(fuse\.)?(nfs\d?|cifs|smb\w*|ncpfs|afs|auristorfs|coda|lustre|gpfs|beegfs|fhgfs|ceph|ceph-fuse|"
    r"glusterfs|pvfs2|orangefs|panfs|wekafs|quobyte|mfs|lizardfs|juicefs|9p|sshfs|davfs2?|s3fs|rclone)"
)


def file_system(path: Path) -> str:
    """The type of the file system that holds `path`, there or not yet, such as ext4 or fuse.sshfs.

    Empty where the machine does not tell.
    """
    path = path.resolve()
    over = [part for part in psutil.disk_partitions(all=True) if path.is_relative_to(part[1])]
    # of two that are mounted at one place, the later hides the earlier
    nearest = max(reversed(over), key=lambda part: len(part.mountpoint), default=None)
    return nearest.fstype if nearest else ""


def is_network(kind: str) -> bool:
    """Whether file systems of this type are shared between hosts."""
    return NETWORK.fullmatch(kind) is not None
