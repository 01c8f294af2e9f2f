"""A MariaDB server of the tests' own, which answers as MySQL does: on the loopback address, with its data in a folder.

The package mariadb-server of Debian is enough; tests that want it are skipped where it is not installed.
"""

import os
import pwd
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.postgresql import PASSWORD, Server

INITIAL = f"""
CREATE DATABASE IF NOT EXISTS studies;
CREATE USER IF NOT EXISTS 'me'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON studies.* TO 'me'@'127.0.0.1';
"""


class MariaDB(Server):
    """A server that can be stopped and started again."""

    def create(self):
        """Makes the tables of its own, and says what it is to begin with: a database and who may use it."""
        (self.folder / "initial.sql").write_text(INITIAL)
        made = self.run(
            "mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}",
            "--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal",
        )  # fmt: skip
        if made.wait() != 0:
            pytest.skip(f"MariaDB makes no database here: {(self.folder / 'log').read_text()[-300:]}")

    def start(self):
        """Returns when it takes connections."""
        settings = {
            "bind-address": "127.0.0.1", "port": self.port, "socket": f"{self.folder}/socket",
            "datadir": f"{self.folder}/data", "pid-file": f"{self.folder}/pid", "tmpdir": self.folder,
            "init-file": f"{self.folder}/initial.sql",
            "innodb-buffer-pool-size": "16M", "innodb-flush-log-at-trx-commit": 2, "innodb-flush-method": "nosync",
        }  # fmt: skip
        self.process = self.run("mariadbd", "--no-defaults", *(f"--{name}={value}" for name, value in settings.items()))
        import pymysql

        while self.process.poll() is None:
            try:
                pymysql.connect(
                    host="127.0.0.1", port=self.port, user="me", password=PASSWORD, database="studies"
                ).close()
                return
            except pymysql.OperationalError:
                time.sleep(0.02)
        pytest.skip(f"MariaDB does not run here: {(self.folder / 'log').read_text()[-300:]}")

    def stop(self):
        """Ends it at once, with all connections."""
        if self.process:
            self.process.kill()
            self.process.wait()

    @property
    def address(self):
        """As an experiment has it; the password is in the environment."""
        return f"mysql+pymysql://me:${{EDGESCALE_TEST_PASSWORD}}@127.0.0.1:{self.port}/studies"


@contextmanager
def mariadb():
    """A running server; the test is skipped where it cannot be had."""
    pytest.importorskip("pymysql", reason="PyMySQL is not installed: pip install 'edgescale[mysql]'")
    path = os.pathsep.join([os.defpath, "/usr/sbin", "/usr/local/sbin"])
    if not (shutil.which("mariadbd", path=path) and shutil.which("mariadb-install-db", path=path)):
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server")
    with tempfile.TemporaryDirectory(prefix="edgescale-mariadb-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, 65534)
        server = MariaDB(folder, Path(), {"PATH": path, "HOME": name})
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
