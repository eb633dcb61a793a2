"""A real SLURM on this machine, for tests: controller and virtual nodes on loopback.

Needs Debian's slurmctld, slurmd, slurm-client and munge, and root. Nothing is simulated but the
hardware that the nodes declare.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "unshare")
BROKEN = "broken"  # a file by which all nodes fail to start jobs
NODES, CPUS, MEMORY_MB, GPUS = 3, 4, 4000, 2
CONFIGURATION = """
ClusterName=loop
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket,cred_expire=10
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
Prolog={directory}/prolog
SlurmctldPidFile={directory}/run/slurmctld.pid
SlurmdPidFile={directory}/run/%n.pid
SlurmctldLogFile={directory}/log/slurmctld.log
SlurmdLogFile={directory}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
GresTypes=gpu
ReturnToService=2
JobRequeue=1
MaxArraySize=101
MinJobAge=300
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
SlurmctldParameters=preempt_send_user_signal
KillWait=30
SlurmdTimeout=10
MessageTimeout=10
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=9 PreemptMode=OFF
PartitionName=gpu Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=9 PreemptMode=OFF
PartitionName=short Nodes=ALL MaxTime=60 State=UP PriorityTier=9 PreemptMode=OFF
PartitionName=low Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=20
"""
NODE = (
    "NodeName=n{n} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={mb} "
    "Gres=gpu:a100:{gpus} Feature=loop,a100\n"
)


def host_name(number: int) -> str:
    """What a node calls itself: another name for each, and all of them ways to write 127.0.0.1.

    So they need no entry in /etc/hosts.
    """
    return f"0x{'0' * number}7f000001"


def missing() -> str:
    """What is missing for a cluster here; empty where nothing is."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return (
            f"needs SLURM ({', '.join(absent)} not found; Debian: apt-get install slurmctld "
            "slurmd slurm-client munge)"
        )
    return "" if os.geteuid() == 0 else "needs root, to start a SLURM cluster"


class SlurmCluster:
    """Started with `start`, ended with `stop`; `environment` makes commands use it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {"SLURM_CONF": str(directory / "slurm.conf")}

    def start(self) -> None:
        for name in ("munge", "state", "spool", "run", "log"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "munge").chmod(0o700)
        ports = _free_ports(NODES + 1)
        host = socket.gethostname().partition(".")[0]
        text = CONFIGURATION.format(
            host=host, directory=self.directory, controller_port=ports.pop()
        )
        for number, port in enumerate(ports, start=1):
            name = host_name(number)
            text += NODE.format(n=number, name=name, port=port, cpus=CPUS, mb=MEMORY_MB, gpus=GPUS)
        (self.directory / "slurm.conf").write_text(text)
        devices = [self.directory / f"gpu{number}" for number in range(GPUS)]
        for device in devices:  # what a node declares must exist; it never is opened
            os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        gres = "".join(f"Name=gpu Type=a100 File={device}\n" for device in devices)
        (self.directory / "gres.conf").write_text(gres)
        prolog = self.directory / "prolog"  # of every job, on its node; fails while they are broken
        prolog.write_text(f"#!/bin/sh\n[ ! -e {self.directory}/{BROKEN} ]\n")
        prolog.chmod(0o755)
        self._start_munge()
        self._daemon("slurmctld")
        for number in range(1, NODES + 1):
            start = f"hostname {host_name(number)}; exec slurmd -N n{number}"
            self._daemon("unshare", "--uts", "sh", "-c", start)
        self._wait("all nodes to be idle", self.is_idle)

    def _start_munge(self) -> None:
        munge = self.directory / "munge"
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o600)
        paths = {"key-file": munge / "key", "socket": munge / "socket", "seed-file": munge / "seed"}
        paths |= {"pid-file": self.directory / "run/munged.pid", "log-file": munge / "log"}
        self._daemon("munged", "--force", *(f"--{name}={path}" for name, path in paths.items()))
        self._wait("munged", lambda: (munge / "socket").exists())

    def _daemon(self, *command: str) -> None:
        subprocess.run(command, env=os.environ | self.environment, check=True, timeout=60)

    def is_idle(self) -> bool:
        idle = self.run("sinfo", "-h", "-p", "main", "-N", "-t", "idle", "-o", "%N")
        return len(idle.split()) == NODES

    def run(self, *command: str) -> str:
        """A command's standard output; empty where it failed."""
        done = subprocess.run(
            command,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""

    @contextmanager
    def broken_nodes(self) -> Iterator[None]:
        """Inside, no node can start a job; afterwards all are mended."""
        (self.directory / BROKEN).touch()
        try:
            yield
        finally:
            (self.directory / BROKEN).unlink()
            self.mend_nodes()

    def mend_nodes(self) -> None:
        """Let nodes that are drained or down take jobs again."""
        _, *nodes = self.run("sinfo", "--Node", "--format=%N %T").splitlines() or [""]
        states = dict(line.split() for line in nodes)  # a line for each partition
        for name, state in states.items():
            if state.startswith(("drain", "down")):
                self.run("scontrol", "update", f"NodeName={name}", "State=RESUME")

    def has_no_jobs(self, *filters: str) -> bool:
        """Whether squeue lists none; where not even a title comes, it did not answer."""
        return self.run("squeue", *filters, "--format=%i").split() == ["JOBID"]

    def describe(self) -> str:
        """The queue and the nodes with their reasons, for a test that waits in vain."""
        queue = self.run("squeue", "--array", "--format=%i %T %r %N %j")
        return f"{queue}\n{self.run('sinfo', '--Node', '--long')}"

    def clear(self) -> None:
        """Take away what earlier tests left: jobs that nobody may preempt, and drained nodes.

        SLURM drains a node where a controller that was killed has given a job's number twice.
        """
        self.run("scancel", "--user=root")
        self._wait("nodes without jobs", self._is_clear, 300)

    def _is_clear(self) -> bool:
        """Whether the queue is empty and all nodes are idle; those that are not are asked to be."""
        empty = self.has_no_jobs()
        self.mend_nodes()
        return empty and self.is_idle()

    def _wait(self, what: str, condition, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = [f"{p}:\n{p.read_text()[-1500:]}" for p in self.directory.glob("log/*")]
                raise RuntimeError(f"waited in vain for {what}\n" + "\n".join(logs))
            time.sleep(0.1)

    def restart_controller(self, seconds: float, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill it, and start it again after a while; with SIGTERM it forgets nothing."""
        daemon = psutil.Process(int((self.directory / "run/slurmctld.pid").read_text()))
        daemon.send_signal(how)
        daemon.wait(20)
        time.sleep(seconds)
        self._daemon("slurmctld")
        self._wait("slurmctld", lambda: "is UP" in self.run("scontrol", "ping"))

    def stop(self) -> None:
        """Cancel all jobs, then end the daemons."""
        for state in ("PENDING", "RUNNING"):
            self.run("scancel", f"--state={state}")
        deadline = time.monotonic() + 20
        while self.run("squeue", "-h") and time.monotonic() < deadline:
            time.sleep(0.2)
        # controller first; munged last
        files = sorted(self.directory.glob("run/*.pid"), key=lambda p: "munged" in p.name)
        daemons = [psutil.Process(int(path.read_text())) for path in files]
        for daemon in daemons:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(15)
            except psutil.TimeoutExpired:
                daemon.kill()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
