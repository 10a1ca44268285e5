"""From a reply's text to a file: dirty completions, and what holds for all texts."""

import ast
import dataclasses
from pathlib import Path

import pytest
from dirty import CASES, GOOD, Reason
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lemur2.architecture import Refusal, zoo_names, zoo_source
from lemur2.llm import NETWORK, TRANSFORM
from lemur2.llm.text.sanitise import clean

FIXED = dataclasses.replace(NETWORK, hyperparameters=("lr", "momentum"))


def test_there_are_enough_of_them():
    assert len({name for name, _, _ in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_dirty_completion(text, expected):
    cleaned = clean(text, FIXED)
    if isinstance(expected, Reason):
        with pytest.raises(Refusal) as refused:
            check(cleaned.source)
        assert expected.text in str(refused.value)
    else:
        check(cleaned.source)
        if expected is not None:
            assert cleaned.source == expected
    assert clean(cleaned.source, FIXED).source == cleaned.source


def check(source):
    if not source.strip():
        raise Refusal("syntax", "the reply is empty")
    FIXED.check(source)


@pytest.mark.parametrize("name", zoo_names("img-classification"))
def test_a_clean_file_passes_unchanged(name):
    source = zoo_source(name)
    assert clean(source, NETWORK).source == source


def test_a_clean_transform_passes_unchanged():
    source = (
        "from torchvision import transforms\n\n\n"
        "def transform(norm):\n"
        "    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(*norm)])\n"
    )
    assert clean(source, TRANSFORM).source == source
    assert clean(f"Sure:\n```python\n{source}```\nDone.", TRANSFORM).source == source


PIECES = st.sampled_from(
    [
        *("```", "```python\n", "~~~", "<think>", "</think>", "<pre>", "</code>", "<code>"),
        *(
            "class Net(nn.Module):\n",
            "    def f(self):",
            "import torch\n",
            "import torch.nn as nn\n",
        ),
        *("(", ")", "[", "]", "{", "}", '"""', "'", '"', "#", "\\", "> ", ">>> ", "+", "1 "),
        *("\n", "    ", "\t", "\r", "\r\n", "\0", "\u201c", "\u200b", "\ufeff", "\u2028", "\x0c"),
        *("x = 1\n", "F.relu(x)\n", "return x\n", "lambda: ", '{"a": "b\\n"}', GOOD),
        "def supported_hyperparameters():\n    return {'lr'}\n",
    ]
)
TEXTS = st.one_of(
    st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=14).map("".join),
    st.integers(0, len(GOOD)).map(lambda end: GOOD[:end]),
    st.integers(0, len(GOOD)).map(lambda start: GOOD[start:]),
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("```\n```python\nx = (\n")
def test_doing_it_twice_is_doing_it_once(text):
    for wanted in (FIXED, TRANSFORM):
        once = clean(text, wanted).source
        assert clean(once, wanted).source == once


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="xyz .!?`#*\n-", max_size=60), st.sampled_from(["", "python", "py"]))
def test_a_fenced_file_survives_what_is_around_it(prose, info):
    prose = prose.replace("```", "").replace("~~~", "")
    assert clean(f"{prose}\n\n```{info}\n{GOOD}```\n", FIXED).source == GOOD


@settings(max_examples=100, deadline=None)
@given(st.integers(1, len(GOOD)))
def test_whatever_is_cut_off_is_a_file_or_refused(end):
    source = clean(GOOD[:end], FIXED).source
    try:
        FIXED.check(source)
    except Refusal:
        return
    assert "class Net" in source
    ast.parse(source)


def test_no_step_imports_torch():
    import subprocess
    import sys

    code = "import sys, lemur2.llm, lemur2.llm.text.sanitise; assert 'torch' not in sys.modules"
    root = Path(__file__).parents[2] / "src"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, check=False)
    assert done.returncode == 0
