"""The categories of table 8, by stated rules.

The first rule that fits counts. Names are read in words (`ConvNormAct` is conv, norm, act):

1. loss: a word of the name is loss, criterion or entropy.
2. architecture: it takes `num_classes`, or is a whole model of transformers (`PreTrainedModel`),
   and is no mere head.
3. attention: a word is attention or attn.
4. transformer: a word is transformer, or it is a layer, block, stage, encoder or decoder whose code
   speaks of attention.
5. pooling: a word begins with pool.
6. normalisation: the last word that says what it is, is norm.
7. convolution: a word begins with conv, or its own code makes convolutions.
8. utility: everything else.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_LOSS = frozenset({"loss", "criterion", "entropy"})
_PARTS = frozenset({"layer", "block", "stage", "encoder", "decoder"})
_DIMENSION = frozenset({"d", "1", "2", "3"})

#: What a class's own text is searched for when it is indexed: hint and pattern.
HINTS = (
    ("attention", re.compile(r"attn|attention", re.IGNORECASE)),
    ("convolution", re.compile(r"\bConv(?:Transpose)?[123]d\b|\bcreate_conv2d\b")),
)


def words(name: str) -> list[str]:
    """A class name's words in lower case: `BatchNorm2d` is batch, norm, 2, d."""
    return [word.lower() for word in _WORDS.findall(name)]


def hints(text: str) -> list[str]:
    """What a class's text speaks of."""
    return [hint for hint, pattern in HINTS if pattern.search(text)]


def category(name: str, found: Collection[str], parameters: Collection[str], whole: bool) -> str:
    """The category of a block.

    Args:
        name: The class's name.
        found: What `hints` found in its text.
        parameters: Names of its `__init__`'s parameters.
        whole: Whether it is a whole model of a library that has a base class for these.
    """
    parts = words(name)
    heads = [part for part in parts if part not in _DIMENSION]
    if _LOSS & {*parts}:
        return "loss"
    if whole or ("num_classes" in parameters and "head" not in parts):
        return "architecture"
    if any(part in ("attention", "attn") for part in parts):
        return "attention"
    if "transformer" in parts or (_PARTS & {*parts} and "attention" in found):
        return "transformer"
    if any(part.startswith("pool") for part in parts):
        return "pooling"
    if heads and heads[-1].endswith("norm"):
        return "normalisation"
    if any(part.startswith("conv") for part in parts) or "convolution" in found:
        return "convolution"
    return "utility"
