"""How far blocks get: static checks in the parent, the rest in the sandbox."""

from textwrap import dedent

import pytest

from lemur2.retrieval.assembly.standalone import closed_to, undefined_names
from lemur2.retrieval.library.stages import Stage

HEAD = "import torch\nfrom torch import nn\n\n\n"


def block(text):
    return HEAD + dedent(text)


BLOCKS = {
    Stage.EXTRACTED: "class Block(nn.Module:\n    pass\n",
    Stage.PARSED: "class Block(nn.Module):\n    x = 1\n    return x\n",
    Stage.COMPILED: """
        class Block(nn.Module):
            def forward(self, x):
                return helper(x)
        """,
    Stage.CLOSED: """
        import package_that_nobody_has

        class Block(nn.Module):
            def forward(self, x):
                return x
        """,
    Stage.IMPORTED: "Block = 3\n",
    Stage.MODULE: """
        class Block(nn.Module):
            def __init__(self, dim):
                super().__init__()
                raise RuntimeError("never")
        """,
    Stage.BUILT: """
        class Block(nn.Module):
            def forward(self, x):
                raise RuntimeError("no input is good enough")
        """,
    Stage.FORWARD: """
        class Block(nn.Module):
            def forward(self, x):
                return x.detach() > 0
        """,
    Stage.BACKWARD: """
        class Block(nn.Module):
            def __init__(self, dim, num_heads):
                super().__init__()
                self.heads = num_heads
                self.qkv = nn.Linear(dim, 3 * dim)

            def forward(self, x):
                batch, tokens, width = x.shape
                qkv = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
                q, k, v = qkv.permute(2, 0, 3, 1, 4)
                weights = (q @ k.transpose(-2, -1)).softmax(-1)
                return (weights @ v).transpose(1, 2).reshape(batch, tokens, width)
        """,
}


@pytest.mark.parametrize("stage", list(BLOCKS))
def test_each_stage_is_told_from_the_next(validator, stage):
    found = validator.validate(block(BLOCKS[stage]), "Block")
    assert found.stage is stage
    assert bool(found.reason) == (stage is not Stage.BACKWARD)
    assert (found.arguments is not None) == stage.reaches(Stage.BUILT)
    assert (found.inputs is not None) == stage.reaches(Stage.FORWARD)


def test_what_is_recorded_is_what_ran(validator):
    found = validator.validate(block(BLOCKS[Stage.BACKWARD]), "Block")
    assert set(found.arguments) == {"dim", "num_heads"}
    batch, tokens, width = found.shapes["x"]
    assert (batch, width) == (2, int(found.arguments["dim"]))
    assert found.outputs == ((2, tokens, width),)
    assert found.parameters == width * 3 * width + 3 * width
    assert found.flops == 2 * tokens * width * 3 * width + 4 * tokens * tokens * width
    assert found.batched


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ("self.f = nn.Conv2d(24, 8, 3)", (24,)),
        ("self.f = nn.Sequential(nn.Flatten(), nn.Linear(40, 3))", (40,)),
        ("self.f = nn.Embedding(17, 5)", ()),
        ("self.f = nn.Conv1d(12, 8, 3)", (12,)),
    ],
)
def test_inputs_follow_the_first_layer(validator, body, shape):
    text = f"""
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                {body}

            def forward(self, x):
                return self.f(x)
        """
    found = validator.validate(block(text), "Block")
    assert found.stage is Stage.BACKWARD, found.reason
    assert set(shape) <= set(found.shapes["x"])


def test_errors_teach_shapes(validator):
    """Nothing in its layers says 48 channels: the error of the second one does."""
    text = """
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.ones(8, 48, 3, 3))

            def forward(self, x):
                b, c, h, w = x.shape
                return nn.functional.conv2d(x, self.weight)
        """
    found = validator.validate(block(text), "Block")
    assert found.stage is Stage.BACKWARD, found.reason
    assert found.shapes["x"][1] == 48


def test_a_configuration_is_made_of_given_and_usual_settings(validator):
    text = """
        class Block(nn.Module):
            def __init__(self, config):
                super().__init__()
                self.f = nn.Linear(config.odd_size, config.hidden_size)
                self.drop = nn.Dropout(config.resid_pdrop_prob)

            def forward(self, hidden_states):
                return self.drop(self.f(hidden_states))
        """
    found = validator.validate(block(text), "Block", configurations=[{"odd_size": 7}])
    assert found.stage is Stage.BACKWARD, found.reason
    assert "odd_size=7" in found.arguments["config"]
    assert found.shapes["hidden_states"][-1] == 7


def test_known_calls_are_tried(validator):
    text = """
        class Block(nn.Module):
            def __init__(self, a, b):
                super().__init__()
                assert (a, b) == (5, 9)
                self.f = nn.Linear(a, b)

            def forward(self, x):
                return self.f(x)
        """
    found = validator.validate(block(text), "Block", calls=[{"a": "5", "b": "9"}])
    assert found.outputs[0][-1] == 9


@pytest.mark.parametrize(
    ("body", "word"),
    [("import os\n        os._exit(3)", "crash"), ("while True:\n            pass", "timeout")],
)
def test_a_block_that_ends_its_process_keeps_its_stage(engine, body, word):
    from lemur2.evaluation.library.validator import BlockValidator

    text = f"class Block(nn.Module):\n    def __init__(self):\n        {body}\n"
    found = BlockValidator(engine, wall_seconds=3).validate(HEAD + text, "Block")
    assert found.stage is Stage.MODULE
    assert found.reason.startswith(word)


@pytest.mark.parametrize(
    ("text", "undefined"),
    [
        ("def f():\n    return g()\n", ["g"]),
        ("def f():\n    return g()\n\ng = f\n", []),
        ("class A:\n    b = c\n", ["c"]),
        ("x = [y for y in range(3)]\n", []),
        ("def f():\n    global g\n    g = 1\n\ndef h():\n    return g\n", []),
        ("from __future__ import annotations\ndef f(x: Missing) -> Gone: ...\n", []),
        ("def f(x: Missing): ...\n", ["Missing"]),
        ("try:\n    import a\nexcept ImportError as e:\n    a = e\nprint(a)\n", []),
        ("def f():\n    def g():\n        return h\n    h = 1\n    return g\n", []),
        ("@wrap\ndef f(): ...\n", ["wrap"]),
        ("lambda: missing\n", ["missing"]),
    ],
)
def test_undefined_names(text, undefined):
    assert undefined_names(text) == undefined


@pytest.mark.parametrize(
    "text",
    [
        "import timm",
        "import os, timm.data",
        "from timm.layers import x",
        "from timm import *",
        "from . import x",
        "from .timmy import x",
        "def f():\n    import timm.a",
        "class A:\n    def f(self):\n        return lambda: [__import__('os') for _ in g()]\n"
        "    def g(self):\n        if self:\n            from timm import x",
        "x = [\n" + "".join(f"    {n}.5,\n" for n in range(400)) + "]\ng(x)\nimport timm",
    ],
)
def test_imports_of_the_origin(text):
    stage, reason = closed_to("def g(*_): ...\n" + text + "\n", ("timm",))
    assert stage is Stage.COMPILED
    assert "origin" in reason
    assert closed_to("import timmy\n", ("timm",)) == (Stage.CLOSED, "")
