"""Where corpora are kept: a file, and a PostgreSQL server that these tests start."""

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from lemur2.corpus import Corpus

NOBODY = 65534


def _postgres_folder():
    """Where `initdb` and `postgres` are, in a place that an ordinary user may run them from."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "postgres").exists()), None)


@pytest.fixture(scope="session")
def postgres_server():
    """The URL of a server of our own, without a database name."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install psycopg[binary]")
    binaries = _postgres_folder()
    if binaries is None:
        pytest.skip("no PostgreSQL here: install Debian's postgresql to run this")
    user = {"user": NOBODY} if os.geteuid() == 0 else {}  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="lemur2-pg-", dir="/tmp"))  # sockets need short paths
    if user:
        os.chown(folder, NOBODY, NOBODY)
    cluster = folder / "cluster"
    common = {"check": True, "capture_output": True, "cwd": folder, **user}
    try:
        initdb = [binaries / "initdb", "-D", cluster, "-U", "lemur", "-A", "trust", "-N"]
        made = subprocess.run(
            [*initdb, "-E", "UTF8", "--locale=C.UTF-8"], **{**common, "check": False}
        )
        if made.returncode:
            pytest.skip(f"initdb does not work here: {made.stderr.decode().strip()}")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        control = [binaries / "pg_ctl", "-D", cluster, "-w", "-l", folder / "log"]
        subprocess.run([*control, "-o", options, "start"], **common)
        yield f"postgresql://lemur@/{{name}}?host={folder}"
        subprocess.run([*control, "-m", "immediate", "stop"], **common)
    finally:
        shutil.rmtree(folder)


_names = (f"corpus{number}" for number in itertools.count())


@pytest.fixture
def postgres_place(postgres_server):
    """A new, empty database."""
    import psycopg

    name = next(_names)
    with psycopg.connect(postgres_server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.format(name=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where there is no corpus yet."""
    if request.param == "sqlite":
        return tmp_path / "corpus.db"
    return request.getfixturevalue("postgres_place")


@pytest.fixture
def corpus(place):
    with Corpus.open(place, create=True) as opened:
        yield opened
