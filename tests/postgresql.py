"""A PostgreSQL server of the tests' own: on the loopback address alone, with its data in a folder that goes with it.

Debian's packages are enough, installed or not: with EDGESCALE_TEST_POSTGRESQL=download they are
fetched and unpacked into the same folder, which changes nothing of the system. Without them,
and without that word, tests that want the server are skipped.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "s3cret/@:%?"  # all that an address must spell otherwise
DOWNLOAD = "EDGESCALE_TEST_POSTGRESQL"


class Server:
    """A server that can be stopped and started again."""

    def __init__(self, folder, programs, environment):
        self.folder, self.programs, self.environment = folder, programs, environment
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = None

    def run(self, program, *arguments):
        """Runs one of PostgreSQL's programs, which refuse to work for root."""
        command = [self.programs / program, *map(str, arguments)]
        user = {"user": _other_user(), "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, **user
            )

    def create(self):
        """Makes an empty database, which asks for the password."""
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        made = self.run(
            "initdb", "-D", "data", "-U", "me", "--pwfile", secret, "--auth=scram-sha-256", "--no-sync",
            "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        if made.wait() != 0:
            pytest.skip(f"PostgreSQL makes no database here: {(self.folder / 'log').read_text()[-300:]}")

    def start(self):
        """Returns when it takes connections."""
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off",
            "max_connections": 40, "shared_buffers": "16MB", "dynamic_shared_memory_type": "mmap",
        }  # fmt: skip
        self.process = self.run("postgres", "-D", "data", *(f"--{name}={value}" for name, value in settings.items()))
        import psycopg

        while self.process.poll() is None:
            try:
                psycopg.connect(
                    host="127.0.0.1", port=self.port, user="me", password=PASSWORD, dbname="postgres"
                ).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        pytest.skip(f"PostgreSQL does not run here: {(self.folder / 'log').read_text()[-300:]}")

    def stop(self):
        """Ends it at once, with all connections."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    @property
    def address(self):
        """As an experiment has it; the password is in the environment."""
        return f"postgresql+psycopg://me:${{EDGESCALE_TEST_PASSWORD}}@127.0.0.1:{self.port}/postgres"


@contextmanager
def postgresql():
    """A running server; the test is skipped where it cannot be had."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'edgescale[postgresql]'")
    with tempfile.TemporaryDirectory(prefix="edgescale-postgresql-") as name:
        folder = Path(name)
        programs, environment = _programs(folder)
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam(_other_user()).pw_uid, 65534)
        server = Server(folder, programs, environment)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _other_user():
    """Whose rights PostgreSQL is to have where the tests have root's."""
    return "nobody"


def _programs(folder):
    """The folder of PostgreSQL's programs, and the environment that they need."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found := (installed or [shutil.which("initdb")])[-1]:
        return Path(found).parent, {"PATH": os.defpath}
    if os.environ.get(DOWNLOAD) != "download":
        pytest.skip(f"PostgreSQL is not installed; {DOWNLOAD}=download has the tests fetch it from Debian's archive")
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("PostgreSQL is not installed, and fetching it takes apt-get and root")
    return _downloaded(folder)


def _downloaded(folder):
    """PostgreSQL and what of its libraries is not installed, unpacked into the folder."""
    packages, root = folder / "packages", folder / "root"
    (packages / "partial").mkdir(parents=True)
    fetch = ["apt-get", "install", "--yes", "--no-install-recommends", "--download-only"]
    said = subprocess.run(
        [*fetch, "-o", f"Dir::Cache::archives={packages}", "-o", "APT::Sandbox::User=root", "postgresql"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if said.returncode != 0:
        pytest.skip(f"PostgreSQL cannot be fetched: {said.stderr[-300:]}")
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    (initdb,) = root.glob("usr/lib/postgresql/*/bin/initdb")
    libraries = {str(file.parent) for file in root.rglob("*.so*")}
    return initdb.parent, {"PATH": os.defpath, "LD_LIBRARY_PATH": os.pathsep.join(sorted(libraries))}
