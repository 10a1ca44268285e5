"""One way of writing for all networks, so that a small model learns networks, not styles."""

from __future__ import annotations

import ast

from lemur2.architecture.digest import tree_digest
from lemur2.architecture.syntax import parse_tree

# What is the same in most networks comes first: a reply can then be begun with all of it
# (`prompts/partial_net.py`), and the model writes nothing but the layers.
_ORDER = {"train_setup": 0, "learn": 1, "__init__": 3, "forward": 4}
_REST = 2


def normal_form(source: str) -> str:
    """The same program without comments and docstrings, laid out by Python, methods in order.

    The methods of `class Net` come as `train_setup`, `learn`, the others, `__init__`, `forward`.

    Raises:
        Refusal: With verdict `syntax`, where the source does not parse.
    """
    return ast.unparse(_normal_tree(source)) + "\n"


def normal_digest(source: str) -> str:
    """The canonical digest of the normal form: equal also where methods stand in another order.

    Raises:
        Refusal: With verdict `syntax`, where the source does not parse.
    """
    return tree_digest(_normal_tree(source))


def _normal_tree(source: str) -> ast.Module:
    tree = parse_tree(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            node.body = _without_text(node)
        if isinstance(node, ast.ClassDef) and node.name == "Net":
            node.body.sort(key=_place)
    return tree


def _without_text(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Module) -> list:
    kept = [each for each in node.body if not _is_text(each)]
    return kept or ([] if isinstance(node, ast.Module) else [ast.Pass()])


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _place(node: ast.stmt) -> int:
    """Where it goes among its kind; what is no method stays on top."""
    if not isinstance(node, ast.FunctionDef):
        return -1
    return _ORDER.get(node.name, _REST)
