"""The table of docs/exit-codes.md: real command lines and the codes that they end with."""

import os
import re
import signal
from pathlib import Path

import pytest

from lemur2.cli import errors
from lemur2.corpus import Corpus
from lemur2.loop.ending import working_on

CODES = Path(__file__).parents[2] / "docs" / "exit-codes.md"

# The words of a command line -> its code and what it says on stderr. {db} is a corpus, {file} no
# database, {folder} a folder that holds both, {net} a file with a class Net.
DONE = {
    "data --db {db}": "",
    "data --db {db} --dataset digit": "no data set 'digit'; did you mean digits?",
    "data --db {db} --nn f-1 --json": "no network 'f-1'; did you mean F-1",
    "data --db {db} --task img-clasification": "did you mean img-classification?",
    "data --db {db} --metric accc": "no metric 'accc'; did you mean acc?",
    "data --db {db} --transform norm_33": "no transform 'norm_33'; did you mean norm_32?",
    "data --db {db} --prefix G": "no network whose name starts with 'G'",
    "data --db {db} --unique": "`lemur2 dedupe --mark` has marked nothing yet",
    "runs --db {db}": "",
    "show F-1 --db {db}": "",
    "dedupe --db {db}": "",
    "prompt": "",
    "prompt fewshot --show": "",
    "--version": "",
}
FAILED = {
    "data --db {folder}/none.db": "there is no corpus at {folder}/none.db; create one with",
    "data --db {folder}": "is a folder, not a database; name a file with --db",
    "data --db {file}": "is not an SQLite database; name another file with --db",
    "show f-1 --db {db}": "no network f-1; did you mean F-1",
    "champion 9 --db {db}": "there is no run 9; `lemur2 runs` lists them",
    "resume 9 --db {db}": "there is no run 9",
    "import {folder}/none.whl --db {folder}/new.db": "there is no file or folder",
    "export {folder} --db {db} --format field": "is there already",
    "curate --out {folder} --db {db}": "is there already; choose a new folder with --out",
    "report --out {folder}/x --db {folder}/none.db": "there is no corpus",
    "check {folder}/none.py": "there is no file {folder}/none.py; check the path",
    "train {folder}/none.py --dataset digits --db {folder}/n.db": "check the path",
    "blocks list --library {folder}/none.db": "there is no block library",
    "blocks extract A --index {folder}/none.db": "there is no index",
    "grow transforms --dataset digits --network LeNt --db {db}": "did you mean LeNet",
}
USAGE = {
    "dat": "No such command 'dat'; did you mean data?",
    "blocks lst": "No such command 'lst'; did you mean list?",
    "grow fractl --dataset digits": "unknown generator 'fractl'; did you mean fractal?",
    "data --datset digits": "No such option '--datset'",
    "prompt fewshoot": "no prompt 'fewshoot'; did you mean fewshot",
    "train LeNett --dataset digits --db {db}": "did you mean LeNet",
    "train LeNet --dataset digit --db {db}": "unknown data set 'digit'; did you mean digits?",
    "train LeNet --dataset digits --preset fractl --db {db}": "did you mean fractal?",
    "train LeNet --dataset digits --transform norm_31 --db {db}": "did you mean norm_32",
    "train LeNet --dataset digits --metric accc --db {db}": "use acc",
    "grow zoo --names LeNt --dataset digits --db {db}": "did you mean LeNet",
    "grow zoo --task img-clas --dataset digits --db {db}": "did you mean img-classification?",
    "grow mutation --kinds wdth --dataset digits --db {db}": "did you mean width?",
    "screen --family f --db {db}": "no family 'f'; did you mean F?",
    "champion 1 --front flop --db {db}": "did you mean flops?",
    # out of range
    "train LeNet --dataset digits --lr -1": "lr must be 0 or more, not -1",
    "train LeNet --dataset digits --lr inf": "'inf' is not a number",
    "train LeNet --dataset digits --set lr=-0.5": "lr must be 0 or more, not -0.5",
    "train LeNet --dataset digits --momentum 1.5": "momentum must be from 0 to 1, not 1.5",
    "train LeNet --dataset digits --dropout -0.1": "dropout must be from 0 to 1, not -0.1",
    "train LeNet --dataset digits --batch 0": "0 is below 1",
    "train LeNet --dataset digits --epochs 99999999999999999999": "is above",
    "train LeNet --dataset digits --seed 99999999999999999999": "is above",
    "train LeNet --dataset digits --seed -1": "-1 is below 0",
    "train LeNet --dataset digits --timeout 0": "'0' is not above 0",
    "train LeNet --dataset digits --timeout nan": "'nan' is not a number",
    "train LeNet --dataset digits --memory 1e300": "'1e300' is above 1e+06",
    "train LeNet --dataset digits --device gpu": "--device takes cpu, cuda, cuda:N, "
    "or several as cuda:0,cuda:1; not 'gpu'",
    "grow fractal --dataset digits --lr -1 --db {folder}/n.db": "lr must be 0 or more",
    "resume 99999999999999999999 --db {db}": "is above",
    "data --epoch -1 --db {db}": "-1 is below 0",
    # no effect
    "data --code --db {db}": "--code goes with --json or --csv",
    "data --csv --json --db {db}": "exclude each other",
    "show F-1 --code --json --db {db}": "--json does not go with --code",
    "show F-1 --trials --json --db {db}": "--json has all trials",
    "train LeNet --dataset digits --name mine --db {db}": "--name is for a FILE",
    "train {net} --dataset digits --name a/b --db {folder}/n.db": "--name takes letters",
    "train LeNet --dataset digits --set depth=3 --db {db}": "LeNet does not declare depth",
    "train LeNet --dataset digits --batch-range 16..32": "--batch-range goes with --trials",
    "train LeNet --dataset digits --prune median": "--prune goes with --trials",
    "train LeNet --dataset digits --trials 2 --prune median": "add --epochs 2 or more",
    "train LeNet --dataset digits --trials 2 --batch 8 --batch-range 8..16": "--batch fixes what",
    "train LeNet --dataset digits --trials 2 --transforms ,": "names with commas between them",
    "train LeNet --dataset digits --trials 2 --transform norm --transforms norm,echo": "fixes what",
    "grow fractal --dataset digits --workers 4 --window 1": "--workers 4 needs --window 4",
    "grow fractal --dataset digits --screen-only --epochs 2": "--epochs has no meaning with",
    "grow fractal --dataset digits --screen-only --max-flops 9": "--max-flops has no meaning with",
    "grow transforms --dataset digits --transform norm": "transforms proposes the transforms",
    "grow zoo --dataset digits --task txt-generation --db {db}": "add --task img-classification",
    "generate fractal --dataset digits --out {folder}/x": "builds on no existing networks",
    "check LeNet --db {db}": "--db goes with --save",
    "check LeNet --dataset digits --task img-classification": "leave --task, --channels out",
    "check LeNet --task txt-generation --channels 3": "--channels is of images",
    "champion 1 --front flops --epochs 2 --db {db}": "--epochs has no meaning with --front",
    "screen --report 1 --limit 3 --db {db}": "--limit has no meaning with --report",
    "screen --all F-1 --db {db}": "give networks by NAME, or --all",
    "dedupe --mark --threshold 0.5 --db {db}": "--threshold is of the tier near",
    "dedupe --unmark --prefer name --db {db}": "--prefer has no meaning with --unmark",
    "prompt --show": "--show needs the NAME of a prompt",
    "prompt fewshot --models": "--models lists models",
    "blocks extract A --seed 1": "--seed is of the sample",
    "blocks show A --source-only --json": "--json does not go with --source-only",
}
LINES = [
    *((line, 0, said) for line, said in DONE.items()),
    *((line, 1, said) for line, said in FAILED.items()),
    *((line, 2, said) for line, said in USAGE.items()),
]


def listed(folder: Path) -> list[str]:
    """Names in a folder, but for what SQLite keeps beside a database."""
    return sorted(name for name in os.listdir(folder) if not name.endswith(("-wal", "-shm")))


@pytest.mark.parametrize(("line", "code", "said"), LINES, ids=[line for line, _, _ in LINES])
def test_table(lemur2, db, tmp_path, monkeypatch, line, code, said):
    (tmp_path / "notes.txt").write_text("words, words, words")
    (tmp_path / "net.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEMUR2_DB", raising=False)
    places = {
        "db": db,
        "folder": tmp_path,
        "file": tmp_path / "notes.txt",
        "net": tmp_path / "net.py",
    }
    before = listed(tmp_path)
    ended = lemur2(*line.format(**places).split(" "))
    assert (ended.code, ended.err) == (code, ended.err)
    assert said.format(**places) in ended.err
    if code:
        assert ended.out == ""
        assert ended.err.startswith("lemur2: error: ")
        assert ended.err.count("\n") == 1
        assert listed(tmp_path) == before  # nothing was begun
    else:
        assert "error" not in ended.err


def test_the_docs_list_every_code():
    listed = set(map(int, re.findall(r"^\| (\d+) \|", CODES.read_text(), re.MULTILINE)))
    named = {errors.FAILED, errors.USAGE, errors.INTERRUPTED, errors.READER_LEFT}
    assert listed == {0} | named
    assert (errors.INTERRUPTED, errors.READER_LEFT) == (128 + signal.SIGINT, 128 + signal.SIGPIPE)


@pytest.mark.parametrize("arguments", [("prompt", "--models"), ("runs",), ("data", "--json")])
def test_a_reader_that_is_gone_before_anything_is_printed(start_lemur2, db, arguments):
    """What is in a buffer until the end, too, goes nowhere without a word."""
    process = start_lemur2(*arguments, *(() if arguments[0] == "prompt" else ("--db", db)))
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == errors.READER_LEFT


def test_a_missing_file_does_not_hide_the_others(lemur2, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("def f(:\n")
    ended = lemur2("check", "none.py", "bad.py", "--json")
    assert ended.code == 1
    assert [(line["file"], line["verdict"]) for line in ended.lines] == [("bad.py", "syntax")]
    assert "lemur2: error: there is no file none.py; check the path\n" in ended.err


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_permission_denied(lemur2, db):
    db.chmod(0)
    ended = lemur2("data", "--db", db)
    assert (ended.code, "cannot be read; look at its permissions" in ended.err) == (1, True)


def test_a_run_whose_output_nobody_reads_is_interrupted(db):
    """`lemur2 grow ... | head -1`: the run can be gone on with, nothing in it failed."""
    with Corpus.open(db) as corpus:
        with pytest.raises(BrokenPipeError), working_on(corpus, 1):
            raise BrokenPipeError
        assert corpus.run(1).status == "interrupted"
