"""Which file systems are network disks."""

from __future__ import annotations

from pathlib import Path

from ablations.file_system import file_system, is_network


def test_types_of_file_systems():
    for kind in ("nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "9p", "fuse.ceph"):
        assert is_network(kind), kind
    for kind in ("ext4", "xfs", "tmpfs", "overlay", "fuseblk", "fuse.gocryptfs", "zfs", ""):
        assert not is_network(kind), kind
    assert file_system(Path("/proc/self")) == "proc"
