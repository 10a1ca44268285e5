"""One pass over a syntax tree: imports, definitions, and what of torch it uses."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from typing import Any

# What a class of torch.nn or a function of torch.nn.functional is, by its name.
_KINDS = {
    "convolution": re.compile(r"(Lazy)?Conv(Transpose)?[123]d|conv(_transpose)?[123]d", re.ASCII),
    "linear": re.compile(r"(Lazy)?Linear|Bilinear"),
    "recurrent": re.compile(r"(RNN|LSTM|GRU)(Cell|Base)?"),
    "attention": re.compile(
        r"MultiheadAttention|Transformer(Encoder|Decoder)?(Layer)?"
        r"|scaled_dot_product_attention|multi_head_attention_forward"
    ),
    "normalisation": re.compile(
        r"(Lazy|Sync)?(Batch|Layer|Group|Instance|RMS|LocalResponse)Norm([123]d)?|CrossMapLRN2d"
        r"|(batch|layer|group|instance|rms|local_response)_norm"
    ),
}
WEIGHTED = frozenset({"convolution", "linear", "recurrent", "attention"})
_NO_LAYER = re.compile(r"Sequential|Module(List|Dict)?|Parameter(List|Dict)?|Buffer|\w*Loss")
_LAYER_MODULES = ("torch.nn", "torch.nn.modules")
_FUNCTIONS = "torch.nn.functional"


@cache
def kind_of(name: str) -> str | None:
    """Which of the kinds a class or function of torch is, by its own name; None for no kind."""
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(name)), None)


class Survey:
    """What a tree holds. The pass has a stack of its own: hostile trees are deeper than Python's.

    Attributes:
        layers: Calls of layer classes by class.
        traits: Kinds of what is used, called or only named (`norm=nn.BatchNorm2d`).
        packages: Top-level packages imported.
        classes, functions: Definitions at any level, by name; the last one wins, as when it runs.
        nodes: How many the tree has.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.layers: Counter[str] = Counter()
        self.traits: set[str] = set()
        self.packages: set[str] = set()
        self.classes: dict[str, ast.ClassDef] = {}
        self.functions: dict[str, ast.FunctionDef] = {}
        self.nodes = 0
        self._names: dict[str, str] = {}  # local name -> what was imported under it
        self._star: set[str] = set()  # modules that everything was imported from
        uses = self._collect(tree)
        for use in uses:
            self._use(use)

    def _collect(self, tree: ast.Module) -> list[ast.AST]:
        """Note imports and definitions; what may use torch is for after all are known."""
        uses: list[ast.AST] = []
        stack: list[Any] = [tree]
        while stack:
            node = stack.pop()
            self.nodes += 1
            kind = node.__class__
            if kind is ast.Call or kind is ast.Attribute or kind is ast.Name:
                uses.append(node)
            elif kind is ast.ClassDef:
                self.classes[node.name] = node
            elif kind is ast.FunctionDef:
                self.functions[node.name] = node
            elif kind is ast.Import or kind is ast.ImportFrom:
                self._import(node)
            stack += children(node)
        return uses

    def _import(self, node: Any) -> None:
        module = getattr(node, "module", None)
        if isinstance(node, ast.ImportFrom) and (node.level or module is None):
            return  # relative: of a package that a file is none of
        for alias in node.names:
            if module is None:
                self.packages.add(alias.name.partition(".")[0])
                top = alias.name if alias.asname else alias.name.partition(".")[0]
                self._names[alias.asname or top] = top
            else:
                self.packages.add(module.partition(".")[0])
                if alias.name == "*":
                    self._star.add(module)
                else:
                    self._names[alias.asname or alias.name] = f"{module}.{alias.name}"

    def resolve(self, expression: ast.AST) -> str:
        """What a dotted name stands for by the imports (`torch.nn.Conv2d`), else ""."""
        parts: list[str] = []
        while isinstance(expression, ast.Attribute):
            parts.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name):
            return ""
        root = self._names.get(expression.id)
        if root is None:
            if parts or not self._star or expression.id in self.classes:
                return ""
            modules = (*_LAYER_MODULES, _FUNCTIONS)
            root = next((f"{m}.{expression.id}" for m in modules if m in self._star), "")
        return ".".join([root, *reversed(parts)])

    def layer(self, expression: ast.AST) -> str | None:
        """The layer class of torch.nn that a name stands for; None for anything else."""
        module, _, name = self.resolve(expression).rpartition(".")
        is_module = module in _LAYER_MODULES or module.startswith("torch.nn.modules.")
        return name if is_module and name[:1].isupper() and not _NO_LAYER.fullmatch(name) else None

    def _use(self, node: Any) -> None:
        if isinstance(node, ast.Call):
            if name := self.layer(node.func):
                self.layers[name] += 1
            return
        module, _, name = self.resolve(node).rpartition(".")
        if module == _FUNCTIONS or module.startswith(_LAYER_MODULES) or module == "torch":
            kind = kind_of(name)
            if kind is not None:
                self.traits.add(kind)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one, in order."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found
