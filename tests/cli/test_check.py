"""`lemur2 check` on real files in the real sandbox."""

import pytest

from lemur2.architecture import zoo_source
from lemur2.corpus import Corpus

BROKEN = {
    "not_python.py": ("def f(:\n", "syntax", "line 1"),
    "not_text.py": (b"\xff\xfe\x00", "syntax", "UTF-8"),
    "no_net.py": ("x = 1\n", "contract", "name the network's class Net"),
    "no_such_module.py": (
        "import nosuch\n" + zoo_source("LeNet").partition('"""\n\n')[2],
        "import",
        "line 1: ModuleNotFoundError",
    ),
}
KEYS = {"file", "verdict", "reason", "input_size", "parameters", "seconds", "flops", "memory"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, (content, _, _) in BROKEN.items():
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
    (tmp_path / "mine.py").write_text(zoo_source("LeNet"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_verdict_each_in_the_order_given(lemur2, folder):
    ended = lemur2("check", "mine.py", *BROKEN, "ResNet20", "--json", "--save", "--db", "c.db")
    assert ended.code == 1
    assert [line["file"] for line in ended.lines] == ["mine.py", *BROKEN, "ResNet20"]
    assert all(set(line) >= KEYS for line in ended.lines)
    first, *broken, last = ended.lines
    for line, (_, verdict, words) in zip(broken, BROKEN.values(), strict=True):
        assert line["verdict"] == verdict
        assert words in line["reason"]
        assert line["parameters"] is line["input_size"] is line["stored"] is None
    assert (first["verdict"], first["input_size"], first["parameters"]) == ("ok", 32, 62_006)
    assert (last["verdict"], last["name"]) == ("ok", "ResNet20")
    with Corpus.open("c.db") as corpus:
        assert corpus.architecture(first["stored"]).family == "mine"
        assert corpus.architecture("ResNet20").facts.parameters == last["parameters"]
        outcomes = corpus.outcomes(1)
        assert [o.verdict for o in outcomes.values()] == [line["verdict"] for line in ended.lines]
        assert corpus.run(1).status == "finished"


def test_a_network_that_is_stored_is_not_stored_twice(lemur2, folder):
    (folder / "same.py").write_text("# the same\n" + zoo_source("LeNet"))
    ended = lemur2("check", "LeNet", "same.py", "--json", "--save", "--db", "c.db")
    assert ended.code == 0
    assert [line["stored"] for line in ended.lines] == ["LeNet", "LeNet"]
    with Corpus.open("c.db") as corpus:
        assert [o.verdict for o in corpus.outcomes(1).values()] == ["ok", "duplicate"]


def test_at_the_input_of_a_data_set(lemur2, folder):
    ended = lemur2("check", "LeNet", "--dataset", "digits")
    assert ended.code == 0
    assert "61,706 parameters" in ended.out  # one channel


def test_all_that_the_contract_misses_is_said_at_once(lemur2, folder):
    module = "class CNN(nn.Module):\n    def forward(self, x):\n        return x\n"
    (folder / "cnn.py").write_text(f"from torch import nn\n{module}")
    ended, json = lemur2("check", "cnn.py"), lemur2("check", "cnn.py", "--json")
    assert ended.code == json.code == 1
    lines = ended.out.splitlines()
    assert len(lines) == 6
    assert lines[-1].strip() == "or have it written: lemur2 adopt cnn.py:CNN"
    for word in ("class Net", "__init__", "train_setup", "learn", "supported_hyperparameters"):
        assert sum(word in line for line in lines) >= 1
        assert word in json.lines[0]["reason"]


def test_a_file_that_breaks_the_contract_starts_no_sandbox(lemur2, folder, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere")
    ended = lemur2("check", "no_net.py")
    assert ended.code == 1
    assert ended.out.startswith("contract  no_net.py  there is no class Net")
    assert not ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.py"], 1, "there is no file missing.py"),
        (["."], 1, "is a folder"),
        (["LeNett"], 2, "did you mean LeNet"),
        ([], 2, "Missing argument"),
        (["LeNet", "--dataset", "nosuch"], 2, "unknown data set 'nosuch'"),
        (["LeNet", "--dataset", "digits", "--channels", "1"], 2, "leave --task, --channels out"),
        (["LeNet", "--task", "nosuch"], 2, "nosuch"),
        (["LeNet", "--memory", "much"], 2, "'much' is not a number"),
        (["LeNet", "--timeout", "0"], 2, "'0' is not above 0"),
        (["LeNet", "--device", "abacus"], 2, "--device takes"),
        (["LeNet", "--workers", "0"], 2, "--workers"),
        (["LeNet", "--save", "--db", "mine.py"], 1, "not an SQLite database"),
    ],
)
def test_bad_input_is_one_line(lemur2, folder, arguments, code, words):
    ended = lemur2("check", *arguments)
    assert ended.code == code
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not ended.out
