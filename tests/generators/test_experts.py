"""Mixtures of experts as a generator: files are joined by Python's scoping, and draws are even."""

import ast
import json
from collections import Counter
from dataclasses import replace
from types import ModuleType

import pytest

from lemur2.architecture import Architecture, Verdict, zoo_names, zoo_source
from lemur2.corpus import Outcome
from lemur2.corpus.pool import Pool
from lemur2.errors import UsageError, UserError
from lemur2.generators.experts import (
    Blueprint,
    ExpertsConfig,
    ExpertsGenerator,
    Part,
    Unclear,
    compose,
)
from lemur2.generators.experts.heterogeneous import HeterogeneousSample
from lemur2.generators.experts.imports import Imports, bindings

HEAD = "import torch\nfrom torch import nn\n"
METHODS = """
    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            trained = Helper
"""
TAIL = """

def supported_hyperparameters():
    return {"lr"}
"""


def net(body, before="", head=HEAD):
    """A Net file: `before` at the top level, `body` in `forward(self, x)`."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    init = "    def __init__(self, in_shape, out_shape, prm, device):\n        super().__init__()\n"
    forward = f"    def forward(self, x):\n{lines}\n"
    return f"{head}\n{before}\n\nclass Net(nn.Module):\n{init}\n{forward}{METHODS}{TAIL}"


def renamed(source, **names):
    return Part(source).text({"Net": "A", **names})


def run(source):
    """Execute a file whose `forward` needs no torch."""
    module = ModuleType("mixture")
    exec(compile(source, "mixture", "exec"), module.__dict__)
    return module


# -- scoping ------------------------------------------------------------------------------------

LOCALS = {
    "a parameter": "def inner(Block):\n    return Block\nreturn inner(1), Block",
    "a local": "def inner():\n    Block = 1\n    return Block\nreturn inner(), Block",
    "a later local": "def inner(flag):\n    if flag:\n        Block = 1\n        return Block\n"
    "return inner(True), Block",
    "a comprehension": "return [Block for Block in (1,)][0], Block",
    "a lambda": "return (lambda Block: Block)(1), Block",
    "an except clause": "def inner():\n    try:\n        raise ValueError(1)\n"
    "    except ValueError as Block:\n        return Block.args[0]\nreturn inner(), Block",
    "an import": "def inner():\n    import math as Block\n    return int(Block.cos(0))\n"
    "return inner(), Block",
    "a nested function": "def inner():\n    def Block():\n        return 1\n    return Block()\n"
    "return inner(), Block",
    "an enclosing function": "def inner():\n    Block = 1\n    def deep():\n        return Block\n"
    "    return deep()\nreturn inner(), Block",
    "a nonlocal": "def inner():\n    Block = 0\n    def deep():\n        nonlocal Block\n"
    "        Block = 1\n    deep()\n    return Block\nreturn inner(), Block",
    "a class body": "class Inner:\n    Block = 1\n    def get(self):\n        return Block\n"
    "return Inner.Block, Inner().get()",
    "a keyword": "def inner(Block=0):\n    return Block\nreturn inner(Block=1), Block",
    "a match": "def inner(value):\n    match value:\n        case [Block]:\n"
    "            return Block\nreturn inner([1]), Block",
    "a walrus in a comprehension": "def inner():\n    [Block := each for each in (1,)]\n"
    "    return Block\nreturn inner(), Block",
    "a default": "def inner(value=Block):\n    return value\nreturn 1, inner()",
    "an attribute": "class Inner:\n    pass\nInner.Block = 1\nreturn Inner.Block, Block",
    "a string": 'return {"Block": 1}["Block"], Block',
    "the first iterable": "return [1 for Block in (Block,)][0], Block",
}


@pytest.mark.parametrize("body", LOCALS.values(), ids=LOCALS)
def test_only_names_of_the_top_level_are_renamed(body):
    """Whatever hides a name: the module's `Block` is "global", everything else is 1."""
    source = net(body, 'Block = "global"')
    before, after = run(source), run(HEAD + renamed(source, Block="A_Block"))
    assert before.Net.forward(None, None) == (1, "global")
    assert after.A.forward(None, None) == (1, "global")
    assert not hasattr(after, "Block")
    assert after.A_Block == "global"


def test_a_global_statement_follows_its_name():
    source = net(
        "def inner():\n    global count, other\n    count += 1\n    return count\nreturn inner()",
        "count = 0\nother = 0",
    )
    after = run(HEAD + renamed(source, count="A_count", other="A_other"))
    assert after.A.forward(None, None) == 1
    assert after.A_count == 1


def test_decorators_annotations_bases_and_super_are_uses():
    before = """def mark(cls):
    cls.marked = True
    return cls

class Base(nn.Module):
    pass

@mark
class Block(Base):
    def __init__(self, other: "Base", *others: Base) -> None:
        super(Block, self).__init__()
"""
    source = net("return Block", before)
    names = {"mark": "A_mark", "Base": "A_Base", "Block": "A_Block"}
    after = run(HEAD + renamed(source, **names))
    block = after.A.forward(None, None)
    assert block.__name__ == "A_Block"
    assert block.marked
    assert block.__init__.__annotations__["others"] is after.A_Base
    assert block.__init__.__annotations__["other"] == "Base"  # strings stay
    block(None)


def test_comments_and_layout_of_what_is_kept_stay():
    source = net("# how\nreturn Block  # Block", "# why\nBlock = (\n    1,\n    2,\n)")
    text = renamed(source, Block="A_Block")
    assert "# why\nA_Block = (\n    1,\n    2,\n)" in text
    assert "# how\n        return A_Block  # Block" in text


def test_only_what_the_network_needs_is_kept():
    before = "class Helper:\n    pass\n\ndef used():\n    return deep\n\ndeep = 1\nunused = 2"
    source = net("return used()", f"{before}\nprint('loud')\ntorch.manual_seed(1)")
    part = Part(source)
    assert part.defined == ("Net", "deep", "used")
    text = part.text({})
    for gone in ("Helper", "unused", "learn", "train_setup", "print", "manual_seed", "supported"):
        assert gone not in text


def test_columns_count_bytes_not_characters():
    source = net("return 'é', Block, 'ü', Block", "Block = 1")
    assert "'é', A_Block, 'ü', A_Block" in renamed(source, Block="A_Block")


UNCLEAR = {
    "star": net("return 1", head=HEAD + "from math import *\n"),
    "relative": net("return 1", head=HEAD + "from . import block\n"),
    "conditional": net("return 1", "try:\n    import apex\nexcept ImportError:\n    apex = None"),
    "reflection": net("return globals()['Block']", "Block = 1"),
    "own training": net("return self.optimizer"),
    "class body": net("class Inner:\n    Block = Block\nreturn Inner", "Block = 1"),
}


@pytest.mark.parametrize("source", UNCLEAR.values(), ids=UNCLEAR)
def test_what_reading_does_not_tell_is_refused(source):
    with pytest.raises(Unclear):
        compose(Blueprint(experts=("A",)), {"A": Part(source)})


# -- imports ------------------------------------------------------------------------------------


def merged(*files):
    imports = Imports(set())
    renamed = [
        dict(imports.add(b for node in ast.parse(text).body for b in bindings(node)))
        for text in files
    ]
    return imports.lines(), renamed


def test_equal_imports_are_one():
    lines, renamed = merged("from torch import nn", "import torch.nn as nn", "from torch import nn")
    assert lines == ["from torch import nn"]
    assert renamed == [{}, {}, {}]


def test_a_name_that_means_something_else_is_renamed():
    lines, renamed = merged(
        "from torch.nn import functional as F", "from fractions import Fraction as F"
    )
    assert renamed == [{}, {"F": "fractions_Fraction"}]
    assert lines == [
        "from fractions import Fraction as fractions_Fraction",
        "from torch.nn import functional as F",
    ]


def test_submodules_are_all_loaded():
    lines, _ = merged("import torch", "import torch.utils.checkpoint", "import torch.fx")
    assert lines == ["import torch", "import torch.fx", "import torch.utils.checkpoint"]


def test_futures_come_first():
    lines, _ = merged("from math import pi", "from __future__ import annotations")
    assert lines[0] == "from __future__ import annotations"


# -- composing ----------------------------------------------------------------------------------


def test_clashing_files_stand_side_by_side():
    """Same names, other meanings, in both; a local of one is what the other's name becomes."""
    one = net("One_Block = 3\nreturn Block + F", "Block = 1", HEAD + "from math import pi as F\n")
    two = net("return Block + F", "Block = 2", HEAD + "from math import tau as F\n")
    source = compose(Blueprint(experts=("One", "Two")), {"One": Part(one), "Two": Part(two)})
    module = run(source)
    assert module.One.forward(None, None) == pytest.approx(1 + 3.14159265)
    assert module.Two.forward(None, None) == pytest.approx(2 + 6.28318530)
    Architecture.parse(source)


def test_names_of_the_mixture_itself_are_not_taken():
    source = net("return Gate, nn", "Gate = 1")
    whole = compose(
        Blueprint(experts=("Gate", "math")), {"Gate": Part(source), "math": Part(source)}
    )
    module = run(whole)
    assert module.GateExpert.forward(None, None)[0] == 1
    assert module.Gate.__doc__
    assert module.math.cos(0) == 1


@pytest.mark.parametrize("name", zoo_names("img-classification"))
def test_every_network_of_the_zoo_can_be_an_expert(name):
    declared = Architecture.parse(zoo_source(name)).hyperparameters
    source = compose(
        Blueprint(experts=(name, "LeNet") if name != "LeNet" else ("LeNet", "VGG11")),
        {each: Part(zoo_source(each)) for each in {name, "LeNet", "VGG11"}}
        if name == "LeNet"
        else {each: Part(zoo_source(each)) for each in (name, "LeNet")},
        declared,
    )
    assert Architecture.parse(source).hyperparameters == {"lr", *declared}


# -- the generator ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pool():
    return Pool(None, task="img-classification")


def generator(pool, seed=0, **config):
    made = ExpertsGenerator(ExpertsConfig(**config), seed)
    made.meet(pool)
    return made


def test_families_are_used_equally_often(pool):
    candidates = generator(pool, mixtures="heterogeneous", expert_parameters=10**9).ask(60)
    used = Counter(name for c in candidates for name in c.parents)
    assert max(used.values()) - min(used.values()) <= 2
    assert len(used) == len([n for n in zoo_names("img-classification") if "MoE" not in n])
    assert all(len(set(c.parents)) == 4 for c in candidates)


def test_large_networks_are_not_mixed(pool):
    few = generator(pool, mixtures="heterogeneous", expert_parameters=1_000_000).ask(20)
    used = {name for c in few for name in c.parents}
    assert used == {"ComplexNet", "LeNet", "ResNet20", "ResNet8", "SqueezeNet"}
    with pytest.raises(UserError, match="raise --expert-parameters"):
        generator(pool, mixtures="heterogeneous", expert_parameters=100_000)


def test_sizes_that_become_known_change_no_run_that_has_begun(pool):
    whole = generator(pool, mixtures="heterogeneous")
    whole.ask(3)
    later = Pool(None, task="img-classification")
    later.__dict__["members"] = tuple(replace(m, parameters=1) for m in pool.members)
    resumed = generator(later, mixtures="heterogeneous")
    resumed.load_state(json.loads(json.dumps(whole.state())))
    assert [c.parents for c in resumed.ask(6)] == [c.parents for c in whole.ask(6)]


def test_homogeneous_mixtures_cover_n_and_k_equally(pool):
    candidates = generator(pool, mixtures="homogeneous").ask(90)
    strata = Counter((c.parameters["copies"], c.parameters["top"]) for c in candidates)
    assert set(strata) == {(n, k) for n in (4, 8, 16) for k in (1, 2, 3)}
    assert max(strata.values()) - min(strata.values()) <= 1
    for field in ("gate", "noise", "balance"):
        assert len({c.parameters[field] for c in candidates}) > 1


def test_both_kinds_take_turns(pool):
    kinds = [bool(c.parents) for c in generator(pool).ask(6)]
    assert kinds == [True, False] * 3


def test_networks_that_fail_twice_are_drawn_no_more():
    sample = HeterogeneousSample({"good": ["a"], "bad": ["b"], "fine": ["c", "d"]}, 0)
    sample.hear(("a", "c"), True)
    for _ in range(2):
        sample.hear(("a", "b"), False)
    drawn = [sample.draw(2) for _ in range(3)]
    assert [names for names in drawn if names and "b" in names] == []
    stored = json.loads(json.dumps(sample.state()))
    again = HeterogeneousSample(sample.families, 0)
    again.load_state(stored)
    assert again.draw(2) == sample.draw(2)


def test_time_and_memory_are_not_the_experts_fault(pool):
    made = generator(pool, mixtures="heterogeneous")
    for verdict in (Verdict.TIMEOUT, Verdict.MEMORY, Verdict.DUPLICATE):
        (candidate,) = made.ask(1)
        outcome = Outcome(candidate=candidate, name="moe-1", digest="1", verdict=verdict)
        made.tell([outcome])
    assert made.state()["sample"]["failures"] == {}
    (candidate,) = made.ask(1)
    made.tell([Outcome(candidate=candidate, name="moe-2", digest="2", verdict=Verdict.SHAPE)])
    assert set(made.state()["sample"]["failures"]) == set(candidate.parents)


def test_wrong_configurations_say_what_is_wrong(pool):
    for config in (
        {"mixtures": "odd"},
        {"gates": ("round",)},
        {"mixed": (1,)},
        {"experts": ("X",)},
    ):
        with pytest.raises(UsageError):
            ExpertsConfig(**config)
    with pytest.raises(UserError, match="1 families to mix, 4 are needed"):
        generator(pool, families=("LeNet",))


def test_a_mixture_is_asked_for_once_a_seed(pool):
    candidates = generator(pool, seed=5, seeds=3).ask(9)
    sources = [c.source for c in candidates]
    assert [sources.index(s) // 3 for s in sources] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [dict(c.training) for c in candidates] == [{}, {"seed": 6}, {"seed": 7}] * 3
    halfway = generator(pool, seed=5, seeds=3)
    halfway.ask(4)
    resumed = generator(pool, seed=5, seeds=3)
    resumed.load_state(json.loads(json.dumps(halfway.state())))
    assert resumed.ask(5) == candidates[4:]
