"""Which file systems are network disks, and how a home is found to be writable."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ablations.file_system import check_space, file_system, is_network


def test_types_of_file_systems():
    for kind in ("nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "9p", "fuse.ceph"):
        assert is_network(kind), kind
    for kind in ("ext4", "xfs", "tmpfs", "overlay", "fuseblk", "fuse.gocryptfs", "zfs", ""):
        assert not is_network(kind), kind
    assert file_system(Path("/proc/self")) == "proc"


def test_launches_at_once_do_not_take_each_others_home_for_unwritable(tmp_path):
    root = tmp_path / "home"
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(check_space, [root] * 2000))  # raises what any of them raised
    assert list(root.iterdir()) == []
