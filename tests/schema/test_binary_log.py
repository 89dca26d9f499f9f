"""MariaDB that writes a binary log lets only the trusted make triggers: error 1419, as it is."""

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pymysql
import pytest

from tests.post_office import until
from tests.schema.conftest import Schema
from tests.services import NOT_RUN

NAME = "gatehouse_test_log"


@pytest.fixture
def socket() -> Iterator[str]:
    """The socket of a server of our own that writes a binary log; that of the tests has none."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"  # where Debian has the server
    install, server = (shutil.which(name, path=path) for name in ("mariadb-install-db", "mariadbd"))
    if not (install and server):
        pytest.skip(f"{NOT_RUN}tests of a binary log, MariaDB's programs are not on PATH")
    with tempfile.TemporaryDirectory(prefix=NAME) as folder:
        data, socket = f"--datadir={folder}/data", f"{folder}/socket"
        common = ["--no-defaults", data, f"--user={getpass.getuser()}"]
        as_root = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([install, *common, *as_root], check=True, capture_output=True)
        listen = [f"--socket={socket}", "--skip-networking", f"--log-bin={folder}/data/bin"]
        with subprocess.Popen(
            [server, *common, *listen], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                until(lambda: answers(socket), "the server answers", seconds=60)
                yield socket
            finally:
                process.terminate()


def answers(socket: str) -> bool:
    if not Path(socket).exists():
        return False
    try:
        pymysql.connect(unix_socket=socket, user="root").close()
    except pymysql.OperationalError:
        return False
    return True


def run(socket: str, *statements: str) -> None:
    with closing(pymysql.connect(unix_socket=socket, user="root")) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def test_no_privilege_to_make_a_trigger_and_then_one(socket: str) -> None:
    run(
        socket,
        f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4",
        "CREATE USER owner@localhost",
        f"GRANT ALL ON {NAME}.* TO owner@localhost",
    )
    schema = Schema(f"mariadb+pymysql://owner@localhost/{NAME}?unix_socket={socket}")

    refused = schema.flask("db", "upgrade")

    assert refused.returncode == 1
    assert "SET GLOBAL log_bin_trust_function_creators = 1, then run the" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert schema.version == "0001"
    run(socket, "SET GLOBAL log_bin_trust_function_creators = 1")
    done = schema.flask("db", "upgrade", "0004")
    assert done.returncode == 0, done.stderr
    assert schema.version == "0004"
