"""Modules of the kinds that people write become networks, or are refused with the reason."""

import ast
import json
import subprocess
import sys

import pytest
from modules import BAD, GOOD, HEAD, PLAIN

from lemur2.adoption.adopting import adopt
from lemur2.adoption.constructor import constructor
from lemur2.adoption.writing import from_file
from lemur2.architecture import Architecture, Verdict
from lemur2.errors import UserError
from lemur2.loop.checking import Input
from lemur2.tasks import task

AT = Input(task=task("img-classification"))


def adopted(tmp_path, engine, source, wanted=""):
    file = tmp_path / "mine.py"
    file.write_text(_headed(source))
    named = f"{file}:{wanted}" if wanted else str(file)
    (found,) = adopt([named], tmp_path / "out", AT, engine)
    return found


def _headed(source):
    """With the imports behind what has to come first."""
    at = source.index("annotations\n") + len("annotations\n") if "__future__" in source else 0
    return source[:at] + HEAD + source[at:]


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD)
def test_modules_of_the_kinds_that_people_write(tmp_path, engine, source):
    found = adopted(tmp_path, engine, source)
    assert found.verdict is Verdict.OK, found.reason
    text = found.file.read_text()
    assert found.file.stem == found.name == Architecture.parse(text, prefix=_family(found)).name
    again = adopted(tmp_path, engine, source)
    assert (again.name, again.file.read_text()) == (found.name, text)


def _family(found):
    return found.name.rpartition("-")[0]


@pytest.mark.parametrize(("source", "verdict", "words"), BAD.values(), ids=BAD)
def test_what_cannot_be_adopted_says_why(tmp_path, engine, source, verdict, words):
    found = adopted(tmp_path, engine, source)
    assert found.verdict == verdict, found.reason
    assert words in found.reason
    assert "\n" not in found.reason
    assert not (tmp_path / "out").exists()


def test_the_class_that_is_named(tmp_path, engine):
    both = PLAIN + PLAIN.replace("Plain", "Other").replace("width=8", "width=16")
    first, other = (adopted(tmp_path, engine, both, name) for name in ("Plain", "Other"))
    assert "Plain(in_channels=in_shape[1], num_classes=out_shape[0])" in first.file.read_text()
    assert "self.model = Other(" in other.file.read_text()
    missing = adopted(tmp_path, engine, both, "Plian")
    assert (missing.verdict, "did you mean Plain?" in missing.reason) == ("contract", True)


def test_models_of_libraries(tmp_path, engine):
    names = [
        *("torchvision:squeezenet1_1", "torchvision.models.resnet:BasicBlock"),
        *("torchvision:nope", "nosuch.module:A", "torchvision:a/b", "word"),
    ]
    found = list(adopt(names, tmp_path, AT, engine))
    assert [each.verdict.value for each in found] == [
        *("ok", "contract", "build", "contract", "contract", "contract"),
    ]
    assert "has to be given inplanes" in found[1].reason
    assert "no module nosuch.module is installed" in found[3].reason
    assert [path.name for path in tmp_path.iterdir()] == [found[0].file.name]


def test_the_users_text_stays(tmp_path):
    source = _headed(PLAIN) + "\n# the end\n"
    assert from_file(source, "", "mine.py").startswith(source.rstrip())
    renamed = from_file(source.replace("Plain", "Net"), "Net", "mine.py")
    assert '"Net"' not in renamed
    assert [n.name for n in ast.parse(renamed).body if isinstance(n, ast.ClassDef)] == [
        *("AdoptedNet", "Net"),
    ]


def test_defaults_stay_unless_they_say_a_size():
    tree = ast.parse(
        "class A(nn.Module):\n"
        "    def __init__(self, a=1, in_chans=3, img_size=(224, 224), *, classes=10): pass"
    )
    assert constructor(tree, "", "x.py").arguments == {
        "in_chans": "in_shape[1]",
        "img_size": "tuple(in_shape[2:])",
        "classes": "out_shape[0]",
    }
    with pytest.raises(UserError, match="has to be given b"):
        constructor(ast.parse("class A(nn.Module):\n    def __init__(self, b): pass"), "", "x.py")


def test_an_adopted_network_trains_from_the_command_line(tmp_path):
    def lemur2(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "lemur2", *arguments],
            capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip

    (tmp_path / "mine.py").write_text(HEAD + PLAIN)
    told = lemur2("check", "mine.py")
    assert (told.returncode, "lemur2 adopt mine.py:Plain" in told.stdout) == (1, True)
    done = lemur2("adopt", "mine.py:Plain", "mine.py:Nothing", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [row["verdict"] for row in rows] == ["ok", "contract"]
    trained = lemur2("train", rows[0]["file"], "--dataset", "digits", "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout.splitlines()[-1])["name"] == rows[0]["name"]
