"""What a source tells about its network without being run: layers, depth, traits, size.

The syntax tree alone is read, so the figures are of what is written: a layer that only a computed
name reaches (`getattr(nn, kind)`) is not seen, and a flag says that the source builds or calls such
a thing, not that every input passes through it. Screening measures the rest (`corpus.Facts`).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from lemur2.architecture.facts.depth import constructed_depth
from lemur2.architecture.facts.flow import Flow
from lemur2.architecture.facts.survey import Survey
from lemur2.architecture.syntax import parse_tree

VERSION = 1
"""Counted up when the same source would give other facts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StaticFacts:
    """Facts of one source file.

    Attributes:
        layers: Calls of `torch.nn` layer classes as they are written, by class (`Conv2d`), the most
            frequent first; containers, parameters, losses and loops do not count.
        depth: Estimate of the layers with weights (convolution, linear, recurrent, attention) that
            `Net` makes: what its constructor calls, local classes and functions entered, loops over
            literal ranges and lists multiplied out, of alternatives the deeper. Parallel branches
            count one after the other, loops of computed length once.
        convolution: A convolution layer or function.
        attention: An attention or transformer layer, `scaled_dot_product_attention`, or a function
            with a softmax and two matrix products. Gating by channels is none.
        residual: On the way of `forward`, two values that both come from its input are added.
        concatenation: On the way of `forward`, tensors are concatenated.
        normalisation: A normalisation layer or function (batch, layer, group, instance, RMS, local
            response).
        recurrent: An RNN, LSTM or GRU layer or cell.
        imports: Top-level packages that it imports, sorted.
        modules: Classes that it defines.
        lines: Lines that are not blank.
        characters: Of the whole text.
        nodes: Of the syntax tree.
    """

    layers: Mapping[str, int]
    depth: int
    convolution: bool
    attention: bool
    residual: bool
    concatenation: bool
    normalisation: bool
    recurrent: bool
    imports: tuple[str, ...]
    modules: int
    lines: int
    characters: int
    nodes: int

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the traits that it has."""
        return tuple(name for name in FLAGS if getattr(self, name))

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "layers": dict(self.layers), "imports": list(self.imports)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(**{**values, "imports": tuple(values["imports"])})


FLAGS = ("convolution", "attention", "residual", "concatenation", "normalisation", "recurrent")


def static_facts(source: str) -> StaticFacts:
    """Read the facts of a source file. Nothing in it runs.

    Raises:
        Refusal: With verdict `syntax`, where it does not parse.
    """
    return tree_facts(parse_tree(source), source)


def tree_facts(tree: ast.Module, source: str) -> StaticFacts:
    """`static_facts` of a source that is already parsed."""
    survey = Survey(tree)
    flow = Flow(survey)
    return StaticFacts(
        layers=dict(sorted(survey.layers.items(), key=lambda item: (-item[1], item[0]))),
        depth=constructed_depth(survey),
        convolution="convolution" in survey.traits,
        attention="attention" in survey.traits or flow.attention,
        residual=flow.residual,
        concatenation=flow.concatenation,
        normalisation="normalisation" in survey.traits,
        recurrent="recurrent" in survey.traits,
        imports=tuple(sorted(survey.packages)),
        modules=len(survey.classes),
        lines=sum(1 for line in source.splitlines() if line.strip()),
        characters=len(source),
        nodes=survey.nodes,
    )
