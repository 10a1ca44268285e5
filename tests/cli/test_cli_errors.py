"""One line on stderr, and the right exit code."""

import errno
import os
import signal
import sys
import tempfile
import types

import click
import pytest
from click.testing import CliRunner

from lemur2.architecture import Verdict, zoo_source
from lemur2.cli.errors import exit_code
from lemur2.cli.group import LazyGroup
from lemur2.corpus import Corpus, Epoch
from lemur2.corpus.rows.trials import add_epochs
from lemur2.errors import UsageError, UserError


def refused(ended) -> str:
    """The one line that a command failed with."""
    assert ended.out == ""
    assert ended.err.startswith("lemur2: error: ")
    assert ended.err.count("\n") == 1
    return ended.err.removeprefix("lemur2: error: ").strip()


def test_no_corpus(lemur2, tmp_path):
    for arguments in (["data"], ["show", "A"], ["runs"], ["data", "--json"]):
        ended = lemur2(*arguments, "--db", tmp_path / "none.db")
        assert ended.code == 1
        assert refused(ended).startswith(f"there is no corpus at {tmp_path}/none.db; create one")
    assert list(tmp_path.iterdir()) == []


def test_no_such_network(lemur2, db):
    ended = lemur2("show", "LeNet", "--db", db)
    assert (ended.code, refused(ended)) == (
        1,
        "the corpus has no network LeNet; `lemur2 data` lists what it has",
    )


def test_not_a_corpus(lemur2, tmp_path):
    (tmp_path / "notes.txt").write_text("words, words, words")
    ended = lemur2("runs", "--db", tmp_path / "notes.txt")
    assert (ended.code, "is not an SQLite database" in refused(ended)) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense' (see lemur2 --help)"),
        (["--nonsense"], "No such option '--nonsense' (see lemur2 --help)"),
        (["data", "--nonsense"], "No such option '--nonsense' (see lemur2 data --help)"),
        (["data", "--epoch", "one"], "'one' is not a whole number (see lemur2 data --help)"),
        (["data", "-n", "0"], "0 is below 1 (see lemur2 data --help)"),
        (["data", "--verdict", "good"], "'good' is not one of"),
        (["data", "--csv", "--json"], "--csv and --json exclude each other"),
        (["show"], "Missing argument 'NAME' (see lemur2 show --help)"),
        (["runs", "--db", "://"], "'://' is not a database URL"),
    ],
)
def test_wrong_usage(lemur2, arguments, said):
    ended = lemur2(*arguments)
    assert ended.code == 2
    assert said in refused(ended)


def test_no_command_is_help_with_the_code_of_wrong_usage(lemur2):
    ended = lemur2()
    assert ended.code == 2
    assert "Usage: lemur2" in ended.out + ended.err


@pytest.fixture
def group(monkeypatch):
    """A group with one command `run`, whose body the test sets."""
    module = types.ModuleType("lemur2_test_command")
    module.__spec__ = types.SimpleNamespace(name=module.__name__)
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def make(body):
        module.run = click.command("run")(body)
        return LazyGroup({"run": (f"{module.__name__}:run", "Runs.")}, name="lemur2")

    return make


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("no\nsuch  \x1b[31mthing; do\tthis"), 1, "no such \\x1b[31mthing; do this"),
        (UsageError("unknown name"), 2, "unknown name"),
        (click.BadParameter("too small"), 2, "too small (see "),
        (click.FileError("a.py", "not there"), 1, "a.py"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_of_a_command(group, error, code, said):
    def body() -> None:
        raise error

    ended = CliRunner().invoke(group(body), ["run"])
    assert ended.exit_code == code
    last = ended.stderr.strip("\n").splitlines()[-1]
    assert last.startswith(f"lemur2: error: {said}") or said in last


def test_a_bug_keeps_its_traceback(group):
    def body() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(group(body), ["run"]).exception, ZeroDivisionError)


def test_a_command_chooses_its_code(group):
    ended = CliRunner().invoke(group(lambda: click.get_current_context().exit(1)), ["run"])
    assert (ended.exit_code, ended.output) == (1, "")


def test_a_reader_that_leaves(start_lemur2, db):
    with Corpus.open(db) as corpus:
        trial = corpus.begin_trial(
            "F-0",
            task="t",
            dataset="d",
            metric="m",
            transform="",
            hyperparameters={},
            seed=0,
            environment={},
        )
        with corpus.database.write() as connection:
            rows = (
                Epoch(epoch=number, score=0.5, loss=None, seconds=1, memory=0)
                for number in range(1, 2000)
            )
            add_epochs(connection, trial, rows)
        corpus.finish_trial(trial, Verdict.OK)
    process = start_lemur2("data", "--db", db, "--json")
    assert process.stdout.readline().startswith("{")
    process.stdout.close()  # far more than a pipe holds is still to come
    assert process.stderr.read() == ""
    process.wait()


def test_interrupted(start_lemur2, tmp_path):
    """Ctrl-C while a command waits: one line, exit code 130."""
    os.mkfifo(tmp_path / "fifo")
    process = start_lemur2("data", "--db", tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_WRONLY)  # returns when the command has opened it
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    os.close(writer)
    assert err.strip() == "lemur2: error: interrupted"
    assert process.returncode == 130


FULL = "no temporary folder can be written to; make room in /tmp, or set TMPDIR"


def test_a_full_temporary_folder(lemur2, db, tmp_path, monkeypatch):
    """As Python says it where every temporary folder is full."""

    def full():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", full)
    net = tmp_path / "net.py"
    net.write_text(zoo_source("LeNet"))
    for arguments in (["check", net], ["train", "LeNet", "--dataset", "digits"]):
        where = ["--db", db] if arguments[0] == "train" else []
        ended = lemur2(*arguments, *where)
        assert ended.code == 1
        assert ended.err.splitlines()[-1].startswith(f"lemur2: error: {FULL}")
        assert "Traceback" not in ended.err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_wherever_it_is_met(capsys, number):
    def write():
        raise OSError(number, os.strerror(number), "/data/file")

    assert exit_code(write) == 1
    said = capsys.readouterr().err
    assert said == (
        f"lemur2: error: /data/file cannot be written: {os.strerror(number)}; make room\n"
    )
