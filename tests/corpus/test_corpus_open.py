"""Everything that can be wrong with a database, said in one line."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import traceback
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from corpus_samples import RUN, grow, outcome

from lemur2.corpus import Corpus
from lemur2.corpus.db import database, schema
from lemur2.errors import UsageError, UserError

NOBODY = 65534


def refusal(place, **how) -> str:
    """The one line that opening gives."""
    with pytest.raises(UserError) as caught:
        Corpus.open(place, **how)
    message = str(caught.value)
    assert "\n" not in message
    return message


def as_ordinary_user(action) -> str:
    """What `action` raises in a child process without root's rights ("" where nothing)."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            action()
        except UserError as error:
            os.write(write_end, str(error).encode())
        except BaseException:  # noqa: BLE001 - the parent shows it
            os.write(write_end, traceback.format_exc().encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        message = pipe.read()
    os.waitpid(child, 0)
    return message


@pytest.fixture
def public_folder():
    """A folder that every user may write to (pytest's own are private)."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def make(path: Path) -> Path:
    with Corpus.open(path, create=True) as corpus:
        grow(corpus, [outcome("F-1")])
    return path


# -- where it is ------------------------------------------------------------------------------


def test_no_such_database(tmp_path):
    for how in ({}, {"read_only": True}, {"read_only": True, "create": True}):
        message = refusal(tmp_path / "no.db", **how)
        assert message.startswith(f"there is no corpus at {tmp_path}/no.db; create one with")
    assert list(tmp_path.iterdir()) == []
    assert "there is no folder" in refusal(tmp_path / "no" / "no.db", create=True)


def test_the_default_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEMUR2_DB", raising=False)
    assert "no corpus at lemur2.db" in refusal(None)
    monkeypatch.setenv("LEMUR2_DB", str(tmp_path / "mine.db"))
    Corpus.open(create=True).close()
    assert (tmp_path / "mine.db").exists()
    with Corpus.open(f"sqlite:///{tmp_path}/mine.db") as corpus:
        assert corpus.runs() == []


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "what?.db", "#1.db", "ü.db"])
def test_odd_file_names(tmp_path, name):
    make(tmp_path / name)
    with Corpus.open(tmp_path / name, read_only=True) as corpus:
        assert corpus.source("F-1") == "# F-1\n"
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {name}


def test_what_is_no_database_url():
    assert "'://' is not a database URL; give a file or" in refusal("://")
    assert "no database 'oracul' is known; give a file or" in refusal("oracul://host/name")
    with pytest.raises(UsageError, match="in memory"):
        Corpus.open("sqlite://", create=True)


# -- what it is -------------------------------------------------------------------------------


def test_a_folder_and_files_that_are_no_database(tmp_path):
    assert "is a folder" in refusal(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, but long enough to have a header\n" * 9)
    for how in ({}, {"read_only": True}, {"create": True}):
        assert "is not an SQLite database" in refusal(text, **how)
    assert text.read_text().startswith("not a database at all")


def test_a_corrupt_database(tmp_path):
    path = make(tmp_path / "a.db")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8000)
    assert "corrupt" in refusal(path, read_only=True)
    assert "corrupt" in refusal(path)
    assert path.stat().st_size == size
    path.write_bytes(path.read_bytes()[:50])
    assert "corrupt" in refusal(path, read_only=True)
    path.write_bytes(path.read_bytes()[:10])
    assert "not an SQLite database" in refusal(path, read_only=True)


def test_damage_that_shows_only_later(tmp_path):
    path = make(tmp_path / "a.db")
    with sqlite3.connect(path) as connection:
        page = connection.execute("PRAGMA page_size").fetchone()[0]
        root = "SELECT rootpage FROM sqlite_master WHERE name = 'architectures'"
        start = (connection.execute(root).fetchone()[0] - 1) * page
    connection.close()
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * page)
    with (
        Corpus.open(path, read_only=True) as corpus,
        pytest.raises(UserError, match=r"a\.db: it is corrupt; restore"),
    ):
        corpus.architecture("F-1")


def test_an_empty_file_is_no_corpus_but_may_become_one(tmp_path):
    path = tmp_path / "a.db"
    path.touch()
    assert "holds no corpus yet; create one" in refusal(path, read_only=True)
    assert "holds no corpus yet; create one" in refusal(path)
    make(path)


def test_the_database_of_another_program(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE stat (accuracy REAL)")
    connection.close()
    for how in ({}, {"read_only": True}, {"create": True}):
        assert "database of another program" in refusal(path, **how)


def test_reading_only(tmp_path):
    path = make(tmp_path / "a.db")
    with (
        Corpus.open(path, read_only=True) as corpus,
        pytest.raises(UserError, match="opened for reading only"),
    ):
        corpus.start_run(**RUN)


# -- versions ---------------------------------------------------------------------------------


def test_migrations_make_what_the_code_expects(place):
    with Corpus.open(place, create=True) as corpus, corpus.database.write() as connection:
        options = {"version_table": schema.VERSION_TABLE, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []
        assert context.get_current_revision() == schema.REVISION
    assert schema.REVISION in database.revisions()


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """A context in which lemur2 is a version later: it has one more migration."""
    folder = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, folder)
    (folder / "versions" / "r9999_note.py").write_text(
        textwrap.dedent(f"""
            import sqlalchemy as sa
            from alembic import op

            revision = "9999"
            down_revision = "{schema.REVISION}"

            def upgrade():
                with op.batch_alter_table("architectures") as table:
                    table.add_column(sa.Column("note", sa.Text()))
            """)
    )

    @contextmanager
    def switch():
        with monkeypatch.context() as patch:
            patch.setattr(database, "MIGRATIONS", folder)
            patch.setattr(database, "REVISION", "9999")
            yield

    return switch


def test_an_older_version_is_upgraded_when_it_is_written(place, next_version):
    make(place)
    with next_version():
        message = refusal(place, read_only=True)
        assert "is of an older version of lemur2; any command that writes upgrades it" in message
        with Corpus.open(place) as corpus, corpus.database.read() as connection:
            assert connection.execute(sa.text("SELECT name, note FROM architectures")).all() == [
                ("F-1", None)
            ]
        with Corpus.open(place, read_only=True) as corpus:
            assert corpus.outcomes(1) == {0: outcome("F-1")}


def test_a_newer_version_is_refused_untouched(place, next_version):
    make(place)
    with next_version():
        Corpus.open(place).close()
    for how in ({}, {"read_only": True}, {"create": True}):
        message = refusal(place, **how)
        assert "newer version of lemur2 (schema 9999); upgrade with `pip install -U" in message
    with next_version(), Corpus.open(place, read_only=True) as corpus:
        assert corpus.source("F-1") == "# F-1\n"


# -- rights, locks, space ---------------------------------------------------------------------


def test_a_read_only_file(public_folder):
    path = make(public_folder / "a.db")
    path.chmod(0o444)
    assert as_ordinary_user(lambda: Corpus.open(path)) == (
        f"{path} is read-only; make it writable, or copy it and use --db"
    )
    path.chmod(0o000)
    assert as_ordinary_user(lambda: Corpus.open(path, read_only=True)) == (
        f"{path} cannot be read; look at its permissions"
    )


def test_a_read_only_folder(public_folder):
    path = make(public_folder / "a.db")
    path.chmod(0o666)
    public_folder.chmod(0o555)
    expected = f"the folder {public_folder} is read-only; make it writable"
    assert as_ordinary_user(lambda: Corpus.open(path)) == expected
    new = public_folder / "new.db"
    assert as_ordinary_user(lambda: Corpus.open(new, create=True)) == expected

    def read() -> None:
        with Corpus.open(path, read_only=True) as corpus:
            assert corpus.source("F-1") == "# F-1\n"
            assert len(corpus.content_dump()["trials"]) == 1

    assert as_ordinary_user(read) == ""


def test_a_locked_database(tmp_path):
    path = make(tmp_path / "a.db")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with Corpus.open(path, timeout=0.05) as corpus:
        assert corpus.source("F-1") == "# F-1\n"  # reading goes on
        with pytest.raises(UserError, match="another process is writing to it; wait"):
            corpus.start_run(**RUN)
        blocker.execute("COMMIT")
        assert corpus.start_run(**RUN) == 2
    blocker.close()


def test_no_such_server():
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install psycopg[binary]")
    message = refusal("postgresql://lemur:secret@127.0.0.1:1/none")
    assert "127.0.0.1" in message
    assert "secret" not in message


def test_postgresql_without_its_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'lemur2[postgresql]'" in refusal("postgresql://host/name")


def test_disk_full(tmp_path):
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode:
        pytest.skip("needs a small file system of its own: user namespaces are not allowed here")
    script = tmp_path / "fill.py"
    script.write_text(
        textwrap.dedent(f"""
            import sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from corpus_samples import RUN, outcome
            from lemur2.corpus import Corpus
            from lemur2.errors import UserError
            import dataclasses, random

            corpus = Corpus.open("small/a.db", create=True)
            run_id = corpus.start_run(**RUN)
            done = 0
            try:
                while True:
                    item = outcome(f"F-{{done}}")
                    source = random.Random(done).randbytes(20_000).hex()
                    item = dataclasses.replace(
                        item, candidate=dataclasses.replace(item.candidate, source=source)
                    )
                    asked = [(item.candidate, item.name, item.digest)]
                    (index,) = corpus.advance(run_id, told=0, state={{}}, asked=asked)
                    corpus.record(run_id, index, item)
                    done += 1
            except UserError as error:
                print(error)
            left = Corpus.open("small/a.db", read_only=True)
            assert done > 3
            assert len(left.outcomes(run_id)) == done
            """)
    )
    (tmp_path / "small").mkdir()
    mounted = f"mount -t tmpfs -o size=2m none small && exec {sys.executable} fill.py"
    ended = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", mounted],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == (
        "small/a.db: the disk is full; this step was not stored: free some space\n"
    )
