"""The text of a statement as it goes into the result: lines of the file, as they are."""

from __future__ import annotations

from collections.abc import Collection

from lemur2.retrieval.analysis.closure import Taken
from lemur2.retrieval.syntax.anatomy import Anatomy, Compound, Unit


def render_unit(anatomy: Anatomy, taken: Taken) -> str:
    """A statement without the methods and decorators that were left out."""
    dropped = _dropped_lines(anatomy, taken)
    lines = [
        anatomy.lines[number - 1]
        for number in range(taken.unit.start, taken.unit.end + 1)
        if number not in dropped
    ]
    if taken.unit.kind == "class" and not taken.members and _has_own_lines(taken.unit):
        lines.append(f"{_indent(anatomy.lines[taken.unit.members[0].start - 1])}pass\n")
    return "".join(lines)


def render_compound(anatomy: Anatomy, compound: Compound, taken: dict[int, Taken]) -> str:
    """An `if`, `try` or `with` with those of its statements that are taken, by index."""
    out: list[str] = []
    dropped: set[int] = set()
    passes: dict[int, str] = {}
    _thin(anatomy, compound, taken, dropped, passes)
    for number in range(compound.start, compound.end + 1):
        if number in passes:
            out.append(passes[number])
        if number not in dropped:
            out.append(anatomy.lines[number - 1])
    return "".join(out)


def _thin(
    anatomy: Anatomy,
    compound: Compound,
    taken: dict[int, Taken],
    dropped: set[int],
    passes: dict[int, str],
) -> None:
    """Note the lines to drop, and the lines before which a `pass` must stand."""
    for number, (first, last) in enumerate(compound.arms):
        units = [unit for unit in compound.units if unit.arm == number]
        inner = [other for other in compound.inner if other.arm == number]
        kept = [unit for unit in units if unit.index in taken]
        deeper = [other for other in inner if _holds(other, taken)]
        for unit in units:
            if unit.index in taken:
                dropped |= _dropped_lines(anatomy, taken[unit.index])
            elif not _is_inline(anatomy, unit):
                dropped |= {*range(unit.start, unit.end + 1)}
        for other in inner:
            if other in deeper:
                _thin(anatomy, other, taken, dropped, passes)
            else:
                dropped |= {*range(other.start, other.end + 1)}
        is_elif = anatomy.lines[first - 1].lstrip().startswith("elif")
        if not kept and not deeper and not is_elif and first in dropped:
            passes[first] = f"{_indent(anatomy.lines[first - 1])}pass\n"
        dropped |= _leading_docstring(anatomy, units, inner, first, last)


def _leading_docstring(
    anatomy: Anatomy, units: list[Unit], inner: list[Compound], first: int, last: int
) -> set[int]:
    """Nothing: bare strings and constants in an arm stay where they are."""
    return set()


def _holds(compound: Compound, taken: Collection[int]) -> bool:
    return any(unit.index in taken for unit in compound.units) or any(
        _holds(inner, taken) for inner in compound.inner
    )


def _dropped_lines(anatomy: Anatomy, taken: Taken) -> set[int]:
    dropped: set[int] = set()
    for decorator in taken.idle:
        dropped |= {*range(decorator.start, decorator.end + 1)}
    if taken.unit.kind != "class" or not _has_own_lines(taken.unit):
        return dropped
    kept = {id(member) for member in taken.members}
    for member in taken.unit.members:
        if id(member) not in kept:
            dropped |= {*range(member.start, member.end + 1)}
            dropped |= _blank_before(anatomy, member.start)
    return dropped


def _blank_before(anatomy: Anatomy, line: int) -> set[int]:
    blank: set[int] = set()
    while line > 1 and not anatomy.lines[line - 2].strip():
        line -= 1
        blank.add(line)
    return blank


def _has_own_lines(unit: Unit) -> bool:
    """Whether a class's body is on lines of its own (not `class X: pass`)."""
    return bool(unit.members) and unit.members[0].start > unit.start


def _is_inline(anatomy: Anatomy, unit: Unit) -> bool:
    """Whether a statement shares its line with the `if` or `try` it stands in."""
    return unit.outer is not None and unit.start <= unit.outer.start


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
