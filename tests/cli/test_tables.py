"""Tables fit the width, are never wrapped, and say what they leave out."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "corpus"))
from field_files import GOOD, write_wheel

from lemur2.architecture import Verdict
from lemur2.cli.output import print_table
from lemur2.cli.reporting import summary
from lemur2.corpus import Corpus, Epoch

LONG = "FractalNet-2589de2a9f8664ca68de30d46208c647"
TABLES = [
    "data --db small.db",
    "data --db small.db --best --sort -n 1",
    "show F-1 --db small.db",
    f"show {LONG} --db small.db",
    f"show {LONG} --db small.db --trials",
    "runs --db small.db",
    "dedupe --db small.db",
    "prompt",
    "prompt --models",
    "doctor --db small.db",
    "export {out} --format field --db small.db",
    "import field.whl --db new.db",
    "screen --report 2 --db small.db",
]


@pytest.fixture
def folder(db, tmp_path, monkeypatch):
    """A working folder with a corpus that has a long name with many trials, and a wheel."""
    monkeypatch.chdir(tmp_path)
    write_wheel(tmp_path / "field.whl", GOOD)
    with Corpus.open(db) as corpus:
        corpus.add_architecture(name=LONG, source="x = 1\n" * 500, digest="d", parents=["LeNet"])
        for number in range(120):
            add_trial(corpus, f"data-set-{number % 3}", 0.2 + number / 1000)
        run = corpus.start_run(
            verb="screen",
            generator="corpus",
            config={},
            seed=0,
            protocol={},
            limits={},
            total=1,
            environment={},
        )
        assert run == 2
    return tmp_path


def add_trial(corpus: Corpus, dataset: str, score: float, metric: str = "acc") -> None:
    trial = corpus.begin_trial(
        LONG,
        task="img-classification",
        dataset=dataset,
        metric=metric,
        transform="norm_32_flip",
        hyperparameters={"lr": 0.0123456, "batch": 64, "momentum": 0.9, "dropout": 0.25},
        seed=0,
        environment={},
    )
    corpus.add_epoch(trial, Epoch(epoch=1, score=score, loss=1.0, seconds=1.0, memory=1))
    corpus.finish_trial(trial, Verdict.OK)


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("line", TABLES)
def test_no_line_is_longer_than_the_width(lemur2, folder, monkeypatch, line, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    ended = lemur2(*line.format(out=folder / "out").split())
    assert ended.out
    assert [each for each in ended.out.splitlines() if len(each) > columns] == []


@pytest.mark.parametrize("columns", [80, 40])
def test_a_funnel_fits(folder, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    with Corpus.open("small.db") as corpus:
        summary(corpus)
    out = capsys.readouterr().out
    assert "95% interval" in out
    assert [each for each in out.splitlines() if len(each) > columns] == []


def test_a_name_is_whole_at_80_columns_and_what_is_left_out_is_said(lemur2, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = lemur2("data", "--db", "small.db", "--nn", LONG, "--best").out
    head, *rows = out.splitlines()[:4]
    assert all(row.startswith(f"{LONG}  ") for row in rows)
    assert head.split() == ["nn", "dataset", "metric", "epoch", "accuracy"]
    assert " ".join(out.splitlines()[4:]) == (
        "3 columns hidden (transform, duration, prm); --wide or --json shows all"
    )


def test_at_40_columns_the_name_is_cut_and_the_score_stays(lemur2, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = lemur2("data", "--db", "small.db", "--nn", LONG, "--best", "--sort").out
    head, first = out.splitlines()[:2]
    assert head.split() == ["nn", "accuracy"]
    assert re.fullmatch(r"FractalNet-\w+…  +0\.319", first)


def test_a_table_that_just_fits_is_whole_and_one_column_less_hides_something(capsys, monkeypatch):
    columns, row = ("parameters", "FLOPs"), ("123,456,789", "12,345,678,901")
    monkeypatch.setenv("COLUMNS", "27")
    print_table(columns, [row], right=columns)
    assert capsys.readouterr().out == (" parameters           FLOPs\n123,456,789  12,345,678,901\n")
    monkeypatch.setenv("COLUMNS", "26")
    print_table(columns, [row], right=columns)
    assert "1 column hidden" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [None, "40"])
def test_nothing_is_cut_in_a_pipe_or_with_wide(lemur2, folder, monkeypatch, columns):
    wide = []
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
        wide = ["--wide"]
    out = lemur2("data", "--db", "small.db", "--nn", LONG, "--best", *wide).out
    rows = out.splitlines()
    assert len(rows) == 4
    assert rows[0].split() == [
        *("nn", "dataset", "metric", "transform", "epoch", "accuracy", "duration", "prm")
    ]
    assert rows[1].startswith(LONG)
    assert rows[1].endswith("lr=0.01235 batch=64 momentum=0.9 dropout=0.25")
    assert "…" not in out


def test_a_terminal_sets_the_width(db, tmp_path):
    """A real terminal of 50 columns."""
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    code = "from lemur2.cli import main; main(prog_name='lemur2')"
    command = [sys.executable, "-c", code, "runs", "--db", str(db)]
    with subprocess.Popen(command, stdout=inside) as process:
        os.close(inside)
        assert process.wait() == 0
    out = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines()
    assert lines[0].split()[:3] == ["run", "verb", "name"]
    assert all(len(line) <= 50 for line in lines)
    assert "hidden" in " ".join(lines)


def test_show_is_short_however_many_trials_there_are(lemur2, folder):
    out = lemur2("show", LONG, "--db", "small.db").out.splitlines()
    assert len(out) < 40
    assert out[0].split() == ["name", LONG]
    rows = [line for line in out if "data-set-" in line]
    assert [line.split()[1] for line in rows] == ["data-set-0", "data-set-1", "data-set-2"]
    assert [line.split()[5] for line in rows] == ["0.317", "0.318", "0.319"]
    assert "the best of each data set; --trials lists all 120" in out
    assert out[-1] == "--code prints the source (501 lines)"
    everything = lemur2("show", LONG, "--db", "small.db", "--trials").out
    assert everything.count("data-set-") == 120
