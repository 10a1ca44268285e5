"""What a worker may answer, and the refusal that it may give instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lemur2.architecture import Refusal, Verdict
from lemur2.texts import one_line

MIB = 1 << 20
Array = tuple[str, tuple[int, ...]]  # dtype and shape

_REASON, _REMEDY = 500, 200  # characters

# Of whatever a candidate does: what it does may be forbidden, take too much memory, or exit.
_ANYWHERE = frozenset({Verdict.MEMORY, Verdict.FORBIDDEN, Verdict.CRASH})


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """The answer that was asked for; anything else is forged.

    Attributes:
        json: Most bytes of what is no array.
        arrays: The arrays, exactly. None where only the worker knows them.
        array_bytes: Most bytes of those, where only the worker knows them.
        verdicts: Those that it may refuse with beside `memory`, `forbidden` and `crash`. Never
            `ok`, which is no refusal, nor `duplicate` and `timeout`, which only the parent knows.
        lines: Of the candidate's source; a line beyond them is left out of a refusal.
    """

    json: int = MIB
    arrays: tuple[Array, ...] | None = ()
    array_bytes: int = 0
    verdicts: frozenset[Verdict] = frozenset()
    lines: int = 0

    def with_arrays(self, arrays: Sequence[Array]) -> Awaited:
        """The same with these arrays."""
        return replace(self, arrays=tuple(arrays))

    def refusal(self, report: Any) -> Refusal:
        """The refusal that a worker reports; `forbidden` where it may not say that."""
        try:
            verdict = Verdict(report["verdict"])
            reason, remedy = report["reason"], report.get("remedy", "")
            line = self._line(report)
        except (KeyError, ValueError, TypeError, AttributeError):
            return _forged("a refusal that cannot be read")
        if verdict not in self.verdicts | _ANYWHERE:
            return _forged(f"a refusal with verdict {verdict}")
        if not (isinstance(reason, str) and isinstance(remedy, str)):
            return _forged("a refusal without a text")
        return Refusal(verdict, one_line(reason, _REASON), line, one_line(remedy, _REMEDY))

    def _line(self, report: Mapping[str, Any]) -> int | None:
        line = report.get("line")
        return line if type(line) is int and 1 <= line <= self.lines else None


def _forged(what: str) -> Refusal:
    return Refusal(Verdict.FORBIDDEN, f"wrote to the worker's own channel: {what}")
