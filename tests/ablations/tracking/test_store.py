"""Where a tracking store may be: on real file systems that are mounted for the test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ablations.errors import UserError
from ablations.file_system import file_system
from ablations.runs.home import Home
from ablations.tracking.store import check_uri
from ablations.uris import sqlite_path
from helpers.commands import TOY, run_ablate
from helpers.tracking import tracked

ONE = ("run", TOY, "--seeds", "1")


def test_sqlite_on_a_network_file_system_is_refused_before_anything_starts(network_disk):
    home = Home(network_disk.place / "home")
    for arguments in (ONE, (*ONE, "--cluster", "slurm")):
        refused = run_ablate(home.root, *arguments)
        assert refused.returncode == 2
        assert refused.stderr == (
            f"ablate: the tracking store {network_disk.place}/home/mlflow.db would be on a network "
            "file system (fuse.sshfs), where locks do not hold between hosts and a database can be "
            "damaged; give --tracking-uri sqlite:////a/local/path.db or http://... of an MLflow "
            "server\n"
        )
        assert not home.root.exists()
    home.root.mkdir()
    for arguments in (["sync"], ["sync", "--follow"]):
        assert "(fuse.sshfs)" in run_ablate(home.root, *arguments).stderr
    assert list(home.root.iterdir()) == []


def test_a_home_on_a_network_file_system_with_its_store_elsewhere(network_disk, tmp_path):
    home, uri = Home(network_disk.place / "home"), f"sqlite:///{tmp_path}/mlflow.db"
    done = run_ablate(home.root, *ONE, "--tracking-uri", uri)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = tracked(home, uri).values()
    assert [run.info.status for run in runs] == ["FINISHED"] * 4
    assert all(run.info.artifact_uri.startswith(home.artifacts.as_uri()) for run in runs)
    assert len(list(home.artifacts.glob("toy/*/artifacts/stitch.parquet"))) == 4
    again = run_ablate(home.root, "sync", "--tracking-uri", uri)
    assert again.stdout == f"0 runs brought up to date in {uri}\n"


def test_a_link_does_not_hide_where_a_store_is(network_disk, tmp_path):
    (tmp_path / "link").symlink_to(network_disk.place / "new")
    assert file_system(tmp_path / "link/deep/mlflow.db") == "fuse.sshfs"
    with pytest.raises(UserError, match="network file system"):
        check_uri(f"sqlite+pysqlite:///{tmp_path}/link/mlflow.db")


def test_uris_of_sqlite():
    assert sqlite_path("sqlite:////a/b.db") == Path("/a/b.db")
    assert sqlite_path("sqlite+pysqlite:///b.db") == Path("b.db")
    for uri in ("sqlite://", "postgresql://host/name", "http://host:5000"):
        assert sqlite_path(uri) is None


@pytest.fixture
def disk(tmp_path):
    """A file system of its own; gives its place and what mounts it again as `ro` or `rw`."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "tmpfs", str(place)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root, to mount a file system")

    def again(how):
        subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)

    yield place, again
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("there", [True, False])
def test_a_store_that_cannot_be_written_gets_everything_later(ablate, tmp_path, disk, there):
    place, mount_again = disk
    uri, home = f"sqlite:///{place}/mlflow.db", Home(tmp_path / "home")
    if there:
        assert ablate(*ONE, "--tracking-uri", uri).returncode == 0
    mount_again("ro")
    done = ablate("run", TOY, "--seeds", "2", "--tracking-uri", uri)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "8 of 8 runs done" in done.stdout
    if there:
        reason = "attempt to write a readonly database"
        sentence = f"the tracking store {uri} cannot be used: "
    else:
        reason = "Read-only file system"
        sentence = f"cannot make the tracking store {place}/mlflow.db: "
    assert sentence in done.stdout
    failed = ablate("sync", "--tracking-uri", uri)
    assert failed.returncode == 2
    assert failed.stderr.startswith(f"ablate: {sentence}")
    assert reason in failed.stderr
    assert len(failed.stderr.splitlines()) == 1, failed.stderr
    mount_again("rw")
    delivered = ablate("sync", "--tracking-uri", uri)
    assert delivered.stdout == f"{4 if there else 8} runs brought up to date in {uri}\n"
    assert {run.info.status for run in tracked(home, uri).values()} == {"FINISHED"}
    assert len(tracked(home, uri)) == 8
