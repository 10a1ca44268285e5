"""`lemur2 datasets` and `lemur2 list datasets`."""

import dataclasses
import json
import re

import numpy as np
import pytest
from PIL import Image

from lemur2.architecture import Architecture, Candidate, Verdict
from lemur2.architecture.zoo import zoo_source
from lemur2.cli.options import ProtocolFlags
from lemur2.corpus import Corpus, Epoch, Facts, Outcome, TrialResult


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("LEMUR2_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def flowers(tmp_path):
    """Twenty roses, ten tulips, one of them both; a text file, a hidden one."""
    folder = tmp_path / "flowers"
    for name, count, tone in (("rose", 20, 0), ("tulip", 10, 200)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (50 + number, 40), (number, tone, 9)).save(
                folder / name / f"{number}.png"
            )
    (folder / "tulip" / "9.png").write_bytes((folder / "rose" / "3.png").read_bytes())
    (folder / "rose" / "notes.txt").write_text("no picture")
    (folder / ".DS_Store").write_text("")
    return folder


def test_from_add_to_remove(lemur2, flowers):
    added = lemur2("datasets", "add", "mine", "folder:flowers", "--side", "32")
    assert (added.code, added.err) == (0, "")
    assert added.out == (
        f"mine: 31 pictures to read in folder:{flowers}; `lemur2 datasets show mine` reads them\n"
    )
    assert re.search(
        rf"^mine +yes +folder:{flowers}, side 32$", lemur2("datasets", "list").out, re.M
    )
    listed = lemur2("list", "datasets").out
    assert re.search(rf"^mine .* yes +folder:{flowers}, side 32$", listed, re.M)
    removed = lemur2("datasets", "remove", "mine")
    assert removed.out == f"forgot mine; folder:{flowers} is as it was\n"
    assert "mine " not in lemur2("datasets", "list").out
    assert flowers.is_dir()


def test_show_says_what_is_there_and_what_was_skipped(lemur2, flowers):
    lemur2("datasets", "add", "mine", "folder:flowers", "--side", "32")
    shown = lemur2("datasets", "show", "mine")
    assert shown.code == 0
    assert shown.err.strip() == (
        "lemur2: warning: mine: skipped no picture: 1 (rose/notes.txt); of several classes at "
        "once: 1 (`lemur2 datasets show`)"
    )
    assert shown.out.startswith("mine: 30 samples for img-classification\n")
    text = " ".join(shown.out.split())
    for wanted in (
        "parts train 24, validation 3, test 3",
        "a sample 3 x 32 x 32",
        "widths 50 to 69, median 56",
        "heights 40 to 40, median 40",
        "skipped no picture: 1 (rose/notes.txt)",
        "skipped hidden: 1 (.DS_Store)",
        "contradiction the same picture: rose/3.png is rose, tulip/9.png is tulip",
        "the largest class has 2.0 times the samples of the smallest",
        "always to say 'rose' scores acc 0.6667 and balanced-acc 0.5000",
    ):
        assert wanted in text
    assert re.search(r"^rose +16 +2 +2 +20 +66.7%$", shown.out, re.M)
    assert lemur2("datasets", "show", "mine").err == ""


def test_show_as_json(lemur2, flowers):
    shown = lemur2("datasets", "show", "folder:flowers", "--json")
    (line,) = shown.lines
    assert {"name", "task", "parts", "classes", "imbalance", "facts", "sample_shape"} <= set(line)
    assert line["classes"][1]["class"] == "tulip"
    assert line["classes"][1]["all"] == 10
    assert line["imbalance"]["ratio"] == 2.0
    assert line["facts"]["skipped"][-1]["names"] in (["rose/notes.txt"], [".DS_Store"])
    assert line["facts"]["source"] == f"folder:{flowers}"


@pytest.mark.parametrize("name", ["digits", "python-reference"])
def test_show_any_data_set(lemur2, name):
    (line,) = lemur2("datasets", "show", name, "--json").lines
    assert sum(line["parts"].values()) > 1000
    assert lemur2("datasets", "show", name).out.startswith(f"{name}: ")


def test_a_sheet_shows_every_class(lemur2, flowers, tmp_path):
    shown = lemur2("datasets", "show", "folder:flowers", "--sheet", "sheet.png")
    assert shown.out.endswith("wrote sheet.png\n")
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    assert pixels.shape == (204, 960, 3)
    rose, tulip = pixels[50, 200], pixels[150, 200]
    assert (rose[1], tulip[1]) == (0, 200)
    assert not [each for each in tmp_path.iterdir() if "unfinished" in each.name]


def exported_and_imported(lemur2, db, folder):
    """The corpus's rows, from a copy by each form of export."""
    (row,) = lemur2("data", "--db", db, "--json").lines
    folder.mkdir()
    for form in ("parquet", "field"):
        out = folder / form
        assert lemur2("export", out, "--format", form, "--db", db).code == 0
        again = lemur2("import", out, "--db", folder / f"{form}.db")
        assert again.code == 0, again.err
        (copy,) = lemur2("data", "--db", folder / f"{form}.db", "--json").lines
        assert (copy["dataset"], copy["accuracy"]) == (row["dataset"], row["accuracy"])
    return row


def test_a_path_is_recorded_by_a_short_name(lemur2, flowers, tmp_path, monkeypatch):
    """The name that `--dataset folder:...` is recorded by is found elsewhere, and exported."""
    protocol = flags(dataset="folder:flowers").protocol()
    assert re.fullmatch(r"folder:flowers-[0-9a-f]{8}", protocol.dataset)
    monkeypatch.chdir("/")
    (shown,) = lemur2("datasets", "show", protocol.dataset, "--json").lines
    assert shown["name"] == protocol.dataset
    db = tmp_path / "l.db"
    with Corpus.open(db, create=True) as corpus:
        record(corpus, protocol.dataset)
    assert exported_and_imported(lemur2, db, tmp_path / "out")["dataset"] == protocol.dataset


def flags(**given):
    """What the command line gives `train` and `grow`, and nothing else asked for."""
    values = dict.fromkeys(each.name for each in dataclasses.fields(ProtocolFlags))
    return ProtocolFlags(**{**values, "settings": (), **given})


def record(corpus, dataset):
    """One trial on a data set."""
    candidate = Candidate(source=zoo_source("LeNet"), generator="zoo", prefix="N")
    run = corpus.start_run(
        **{"verb": "grow", "generator": "zoo", "config": {}, "seed": 0},
        **{"protocol": {"dataset": dataset}, "limits": {}, "total": 1, "environment": {}},
    )
    digest = Architecture.parse(candidate.source, prefix="N").digest
    corpus.advance(run, told=0, state={}, asked=[(candidate, "N-1", digest)])
    epoch = Epoch(epoch=1, score=0.5, loss=1, seconds=2, memory=1)
    trial = TrialResult(
        task="img-classification",
        dataset=dataset,
        metric="macro-f1",
        transform="norm",
        hyperparameters={"lr": 0.01, "batch": 64},
        seed=0,
        verdict=Verdict.OK,
        epochs=(epoch,),
    )
    facts = Facts(
        **{"input_size": 32, "sample_shape": (3, 40, 40), "outputs": (2,), "parameters": 1},
        **{"flops": 1, "memory": 1, "seconds": 1.0, "structure_digest": "x", "notes": ()},
    )
    outcome = Outcome(
        **{"candidate": candidate, "name": "N-1", "digest": digest},
        **{"verdict": Verdict.OK, "facts": facts, "trial": trial},
    )
    corpus.record(run, 0, outcome)


@pytest.mark.slow
def test_training_on_a_folder(lemur2, flowers, tmp_path):
    db = tmp_path / "l.db"
    ended = lemur2(
        *("train", "LeNet", "--dataset", "folder:flowers", "--metric", "macro-f1"),
        *("--transform", "norm_32", "--db", db, "--json"),
    )
    assert ended.code == 0, ended.err
    row = exported_and_imported(lemur2, db, tmp_path / "out")
    assert row["dataset"].startswith("folder:flowers-")
    assert row["metric"] == "macro-f1"


FAILED = {
    "datasets add mine folder:nowhere": "the folder .*nowhere is not there",
    "datasets add mine csv:nowhere.csv": "nowhere.csv cannot be read",
    "datasets add mine folder:.": "has no test but|holds no pictures|one that holds|class folders",
    "datasets show folder:nowhere": "the folder .*nowhere is not there",
    "datasets show mnist": "is not on disk",
    "datasets show digits --sheet no/where/x.png": "there is no folder",
    "datasets show python-reference --sheet x.png": "has no pictures to show on a sheet",
    "datasets remove mine": "no data set is remembered as 'mine'",
    "train LeNet --dataset folder:nowhere --db l.db": "the folder .*nowhere is not there",
}
USAGE = {
    "datasets add digits folder:flowers": "the name 'digits' is that of a data set",
    "datasets add a_b folder:flowers": "no data set may be called 'a_b'",
    "datasets add mine flowers": "'flowers' is no data set's name; say folder:flowers",
    "datasets add mine text:flowers": "is no source of pictures; there are folder:PATH, csv:FILE",
    "datasets add mine foldr:flowers": "did you mean folder:",
    "datasets add mine folder:flowers --side 4": "4 is below 8",
    "datasets add mine folder:flowers --label x": "has no columns to choose from",
    "datasets show digts": "unknown data set 'digts'; did you mean digits",
    "datasets show digits --sheet x.txt": "must end in .png",
    "datasets shw digits": "did you mean show",
    "train LeNet --dataset digits --metric balanced": "use acc or balanced-acc or macro-f1 or",
}


@pytest.mark.parametrize("line", [*FAILED, *USAGE])
def test_bad_input_is_one_line(lemur2, tmp_path, line):
    (tmp_path / "flowers" / "a").mkdir(parents=True)
    (tmp_path / "flowers" / "a" / "x.png").write_bytes(b"x")
    if "folder:." in line:
        (tmp_path / "empty").mkdir()
        line = line.replace("folder:.", "folder:empty")
    before = sorted(tmp_path.rglob("*.png"))
    ended = lemur2(*line.split())
    assert ended.code == (2 if line in USAGE else 1)
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert re.search({**FAILED, **USAGE}.get(line, "holds no pictures"), ended.err)
    assert sorted(tmp_path.rglob("*.png")) == before
    assert not (tmp_path / "data" / "datasets.json").exists() or line.startswith("train")


def test_json_of_each(lemur2, flowers):
    assert lemur2("datasets", "add", "mine", "folder:flowers", "--json").lines == [
        {"name": "mine", "source": f"folder:{flowers}", "side": None, "files": 31}
    ]
    listed = {each["name"]: each for each in lemur2("datasets", "list", "--json").lines}
    assert listed["mine"]["found"] is True
    assert listed["mnist"]["found"] is False
    assert json.dumps(listed["digits"]["about"])
    assert lemur2("datasets", "remove", "mine", "--json").lines == [
        {"name": "mine", "source": f"folder:{flowers}"}
    ]
