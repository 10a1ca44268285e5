"""Prompts that fit into the model's context, and what was cut for it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lemur2.architecture.syntax import parse
from lemur2.llm import Message, Request


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A network as a prompt shows it.

    Attributes:
        name: In the corpus.
        code: Its text, or what is left of it.
        accuracy: In [0, 1]; None where it was not measured.
    """

    name: str
    code: str
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A request that leaves room for its reply.

    Attributes:
        request: To be asked.
        shown: The networks in it, the main one first.
        cut: What was left out, one entry a cut: name and how (`condensed`, `dropped`).
    """

    request: Request
    shown: tuple[Shown, ...]
    cut: tuple[dict[str, str], ...]


def condensed(code: str) -> str:
    """A file without comments, docstrings and blank lines; as it is, where it does not parse."""
    try:
        tree = parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return code
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
    lines = ast.unparse(ast.fix_missing_locations(tree)).splitlines()
    return "\n".join(line for line in lines if line.strip()) + "\n"


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def fit_prompt(
    shown: Sequence[Shown],
    write: Callable[[Sequence[Shown]], Request],
    fits: Callable[[Request], Request | None],
) -> Fitted | None:
    """Cut as little as makes the prompt fit: comments of all, then supporting networks.

    Args:
        shown: The networks, the main one first. It is never dropped.
        write: Makes the request that shows them.
        fits: The request with what the context leaves for its reply; None where that is too little.

    Returns:
        None where even the main network, condensed and alone, is too long.
    """
    request = fits(write(shown))
    if request is not None:
        return Fitted(request=request, shown=tuple(shown), cut=())
    short = [_short(each) for each in shown]
    cut = [
        {"name": less.name, "how": "condensed"}
        for less, each in zip(short, shown, strict=True)
        if less.code != each.code
    ]
    dropped: list[dict[str, str]] = []
    for count in range(len(short), 0, -1):
        request = fits(write(short[:count]))
        if request is not None:
            names = {each.name for each in short[:count]}
            kept = [each for each in cut if each["name"] in names]
            return Fitted(
                request=request, shown=tuple(short[:count]), cut=(*kept, *reversed(dropped))
            )
        dropped.append({"name": short[count - 1].name, "how": "dropped"})
    return None


def alone(shown: Sequence[Shown]) -> list[Shown]:
    """The main network, condensed, without the others; `cuts` says what that left out."""
    return [_short(shown[0])]


def cuts(shown: Sequence[Shown]) -> tuple[dict[str, str], ...]:
    """What `alone` left out."""
    main, *others = shown
    kept = () if _short(main).code == main.code else ({"name": main.name, "how": "condensed"},)
    return (*kept, *({"name": each.name, "how": "dropped"} for each in others))


def _short(shown: Shown) -> Shown:
    return replace(shown, code=condensed(shown.code))


def messages(text: str, beginning: str = "") -> tuple[Message, ...]:
    """A prompt as a conversation, with what the reply is to begin with."""
    asked = Message("user", text)
    return (asked, Message("assistant", beginning)) if beginning else (asked,)
