"""Networks of blocks: what they are made of, how modules are merged, what resume insists on."""

import ast
import json
import types

import pytest
from driving import screen

from lemur2.architecture import Architecture
from lemur2.corpus.pool import Pool
from lemur2.errors import UserError
from lemur2.generators.retrieval import RetrievalConfig, RetrievalGenerator
from lemur2.generators.retrieval.merging import Merger
from lemur2.generators.retrieval.template import convolutions
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation
from lemur2.retrieval.values import Block, Extracted

NUMBERED = """\
# taken from somewhere
from torch import nn

WIDTH = {width}


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.mix = nn.Conv2d(dim, WIDTH, 1)

    def forward(self, x):
        return self.mix(x)
"""


def shelve(library, number, category="convolution", origin="here"):
    block = Block(
        name="Block",
        qualified_name=f"{origin}.m{number}.Block",
        origin=origin,
        version="1",
        licence="MIT",
        module=f"{origin}.m{number}",
        path="m.py",
        line=1,
        end_line=2,
        category=category,
        docstring="",
        bases=(),
        parameters=(),
        forward_parameters=(),
    )
    extracted = Extracted(
        source=NUMBERED.format(width=8 + number),
        name="Block",
        qualified_name=block.qualified_name,
        origin=origin,
        version="1",
        licence="MIT",
        class_name="Block",
        definitions=(),
    )
    found = Validation(
        stage=Stage.BACKWARD,
        arguments={"dim": "16"},
        inputs={"x": "torch.randn(B, 16, 8, 8)"},
        shapes={"x": (2, 16, 8, 8)},
        kinds={"x": "float32"},
        outputs=((2, 8 + number, 8, 8),),
        returns="Tensor",
        parameters=17 * (8 + number),
        flops=1000,
        batched=True,
    )
    return library.add(block, extracted, found)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "library.db"
    with BlockLibrary(path, create=True) as library:
        for number in range(6):
            shelve(library, number, category=("convolution", "attention")[number % 2])
    return path


def generator(path, seed=0, **options):
    made = RetrievalGenerator(RetrievalConfig(library=str(path), **options), seed)
    made.meet(Pool(None, task="img-classification"))
    return made


def test_networks_build_and_train(path, engine):
    from lemur2.tasks import task

    for candidate in generator(path, replace=0.5).ask(6):
        facts = screen(engine, candidate.source, task("img-classification"))
        assert facts.parameters > 0


def test_lineage_names_the_blocks(path):
    for candidate in generator(path).ask(8):
        blocks = candidate.parameters["blocks"]
        assert blocks
        assert {"block", "origin", "version", "licence", "category"} == set(blocks[0])
        assert Architecture.parse(candidate.source, prefix="rag").name.startswith("rag-")


def test_cells_get_equal_shares_and_every_block_its_turn(path):
    candidates = generator(path, stages=(1,), replace=0.0).ask(6)
    used = [c.parameters["blocks"][0] for c in candidates]
    assert [b["category"] for b in used].count("attention") == 3
    assert len({b["block"] for b in used}) == 6


def test_a_layer_of_a_known_network_is_replaced(path):
    (candidate,) = generator(path, replace=1.0).ask(1)
    (parent,) = candidate.parents
    source = Pool(None, task="img-classification").source(parent)
    calls = [n for n in ast.walk(ast.parse(candidate.source)) if isinstance(n, ast.Call)]
    assert sum(ast.unparse(call.func) == "Replacing" for call in calls) == 1
    assert convolutions(source)


def test_what_is_too_large_is_left_out(path):
    small = generator(path, block_parameters=17 * 9, replace=0.0, stages=(1,)).ask(4)
    assert {c.parameters["blocks"][0]["block"] for c in small} <= {"here.m0.Block", "here.m1.Block"}
    with pytest.raises(UserError, match="no block that fits"):
        generator(path, block_parameters=1).ask(1)


def test_no_network_is_given_twice(path):
    made = generator(path, stages=(1,), widths=(16,), replace=0.0)
    first = made.ask(4)
    resumed = generator(path, stages=(1,), widths=(16,), replace=0.0)
    resumed.load_state(json.loads(json.dumps(made.state())))
    rest = resumed.ask(10)
    digests = [Architecture.parse(each.source).digest for each in (*first, *rest)]
    assert len(digests) == len(set(digests)) == 6  # as many as there are blocks


def test_more_blocks_change_no_run_that_has_begun(path):
    whole, resumed = generator(path), generator(path)
    whole.ask(3)
    with BlockLibrary(path, create=True) as library:
        shelve(library, 20)
    resumed.load_state(json.loads(json.dumps(whole.state())))
    assert list(resumed.ask(4)) == list(whole.ask(4))


def test_changed_blocks_stop_a_resume(path):
    begun = generator(path)
    begun.ask(2)
    state = json.loads(json.dumps(begun.state()))
    with BlockLibrary(path, create=True) as library:
        library._db.execute("delete from blocks where id = 1")
        library._db.commit()
    with pytest.raises(UserError, match="has changed since the run began"):
        generator(path).load_state(state)


def test_a_library_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="lemur2 blocks extract"):
        generator(tmp_path / "none.db").ask(1)


def merged(*modules):
    merger = Merger()
    written = [merger.add(source, [wanted])[0] for source, wanted in modules]
    module = types.ModuleType("merged")
    exec(compile(merger.text(), "merged", "exec"), module.__dict__)
    return [eval(text, module.__dict__) for text in written], merger.text()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("x = 1\ndef f():\n    return x\n", "x = 2\ndef f():\n    return x\n", [1, 2]),
        ("x = 1\ndef f():\n    return x\n", "x = 1\ndef f():\n    return x\n", [1, 1]),
        (
            "def g():\n    return 1\ndef f():\n    return g()\n",
            "def g():\n    return 2\ndef f():\n    g = 5\n    return g\n",
            [1, 5],
        ),
        (
            "import math as m\ndef f():\n    return m.pi > 3\n",
            "import string as m\ndef f():\n    return m.digits[1]\n",
            [True, "1"],
        ),
        (
            "class A:\n    y = 1\ndef f():\n    return A().y\n",
            "class A:\n    y = 2\n    def f(self):\n        return A.y\n"
            "def f():\n    return A().f()\n",
            [1, 2],
        ),
        (
            "g = 1\ndef f(g=g):\n    return g\n",
            "g = 2\ndef f(g=g):\n    return g\n",
            [1, 2],
        ),
        (
            "g = 1\ndef f():\n    return [g for _ in 'a'][0]\n",
            "g = 'é'  # ü\ndef f():\n    return f'{g}' + (lambda h: g)(0)\n",
            [1, "éé"],
        ),
    ],
)
def test_modules_keep_their_meaning_side_by_side(first, second, expected):
    values, _ = merged((first, "f()"), (second, "f()"))
    assert values == expected


def test_what_modules_share_is_there_once():
    source = "def shared():\n    return 1\n\n\ndef {0}():\n    return shared()\n"
    values, text = merged((source.format("f"), "f()"), (source.format("g"), "g()"))
    assert values == [1, 1]
    assert text.count("def shared") == 1
