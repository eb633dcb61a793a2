"""The MLflow UI, served and opened on the views of studies."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

import click
import psutil

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.tracking.names import TRAINING, View
from ablations.uris import without_secrets

DEFAULT_PORT = 5000
READY_SECONDS = 60  # a server needs some 10
END_SECONDS = 10  # that it may take to end
LOOK_SECONDS = 0.2  # between looks at whether it goes on


@dataclass(frozen=True)
class Address:
    """Where the UI is served.

    Attributes:
        host: name or address of this machine on which it listens; 0.0.0.0 or :: for all.
        names: others by which browsers reach it, such as that of a proxy.
    """

    host: str
    port: int
    names: Sequence[str] = ()

    @property
    def listens_to_all(self) -> bool:
        """Whether other machines reach it at each address of this one."""
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_unspecified
        return False

    @property
    def base(self) -> str:
        """URL of the UI; where it listens to all, for browsers on other machines."""
        host = socket.gethostname() if self.listens_to_all else self.host
        return f"http://{_at(host, self.port)}"

    @property
    def local(self) -> str:
        """URL of the UI for a browser on this machine."""
        return f"http://localhost:{self.port}" if self.listens_to_all else self.base

    def hosts(self) -> list[str]:
        """What browsers may say that they asked: MLflow refuses all other names.

        This keeps pages of strangers from reaching the server by a name of their own that leads
        here.
        """
        own = {"localhost", "127.0.0.1", "::1", self.host, *self.names}
        if self.listens_to_all:
            own |= {socket.gethostname(), socket.getfqdn(), *_addresses()}
        # with the port, as browsers say it, and without, as proxies may
        return [name for host in sorted(own) for name in (_at(host), _at(host, self.port))]

    def origins(self) -> list[str]:
        """The pages whose requests count as the UI's own; https where a proxy adds that."""
        return [f"{kind}://{host}" for kind in ("http", "https") for host in self.hosts()]

    def check(self) -> None:
        """Refuse names that are none, and a port that is taken.

        Raises:
            UserError: says which.
        """
        for name in self.names:
            if not name or any(letter in name for letter in "/,@ "):
                raise UserError(
                    f"--allowed-host {name!r} is no host name: write it like mlflow.example.org"
                )
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise UserError(
                    f"cannot listen on {_at(self.host, self.port)}: {error.strerror}; try --port "
                    f"{self.port + 1}"
                ) from None


def _at(host: str, port: int | None = None) -> str:
    """A host as URLs have it."""
    name = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    return f"{name}:{port}" if port else name


def _addresses() -> list[str]:
    """All addresses of this machine."""
    found = [one for interface in psutil.net_if_addrs().values() for one in interface]
    kinds = (socket.AF_INET, socket.AF_INET6)
    return [one.address.partition("%")[0] for one in found if one.family in kinds]


def serve(
    home: Home, uri: str, address: Address, views: Sequence[View], show: bool, copied: bool
) -> None:
    """Print the views and serve the UI until interrupted; a server that runs already is enough.

    Arguments:
        show: open the first view in a browser.
        copied: whether `uri` is a copy, of a home that cannot be written.

    Raises:
        UserError: the port is taken, a name is none, or the server fails.
    """
    running = uri.startswith("http")
    if not running:
        address.check()
    base = uri.rstrip("/") if running else address.base
    click.echo("All settings of each study, and the levels of each axis, with seeds as bands:")
    for study, axis, path in views:
        click.echo(f"  {study:14} {axis or '(all settings)':20} {base}{path}")
    if show and views:
        _open_when_ready(base if running else address.local, views[0].path)
    if running:
        click.echo(f"The server at {without_secrets(uri)} shows them.")
        return
    if copied:
        click.echo(f"{home.root} can only be read: this shows a copy of its store as it is now.")
    click.echo(f"MLflow UI at {base}/#/experiments?{TRAINING}; stop with Ctrl-C.")
    sys.stdout.flush()
    _run_server(_command(home, uri, address), _environment(address))


def _command(home: Home, uri: str, address: Address) -> list[str]:
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--host", address.host, "--port", str(address.port), "--workers", "1"]
    command += ["--default-artifact-root", home.artifacts.as_uri()]
    return command


def _environment(address: Address) -> dict[str, str]:
    """The environment of the server; names that the user sets there by MLflow's own means stay."""
    allowed = {
        "MLFLOW_SERVER_ALLOWED_HOSTS": address.hosts(),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": address.origins(),
    }
    return {
        **os.environ,
        **{
            name: ",".join([*filter(None, [os.environ.get(name)]), *values])
            for name, values in allowed.items()
        },
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def _run_server(command: list[str], environment: Mapping[str, str]) -> None:
    """Run a server to its end.

    Its processes hear no Ctrl-C, of which each would tell in its own way: this one tells them.

    Raises:
        KeyboardInterrupt: that, or another signal to end, came.
        UserError: the server failed.
    """
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under `nohup`
            signal.signal(number, end)
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    while server.poll() is None and not came:
        time.sleep(LOOK_SECONDS)
    _end(server)
    if came:
        raise KeyboardInterrupt
    if server.returncode:
        raise UserError(
            f"the MLflow server ended with exit code {server.returncode}: its reason stands above"
        )


def _end(server: subprocess.Popen[bytes]) -> None:
    """End what is left of a server and of the processes that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(END_SECONDS)
            return


def _open_when_ready(base: str, path: str) -> None:
    """Open a page in the user's browser as soon as the server answers, from another process."""
    sys.stdout.flush()
    if os.fork():
        return
    try:
        for _ in range(READY_SECONDS):
            with suppress(OSError), urllib.request.urlopen(f"{base}/health", timeout=5):
                webbrowser.open(base + path)
                break
            time.sleep(1)
    finally:
        os._exit(0)
