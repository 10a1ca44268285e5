"""CodeMutator: edits at places in a source file; everything else stays to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lemur2.evaluation.trace import Position

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Edit:
    """New text in place of what is at a position; an empty position inserts."""

    position: Position
    text: str


class CodeMutator:
    """A source file, addressed as Python's parser does: lines from 1, columns in UTF-8 bytes."""

    def __init__(self, source: str) -> None:
        self.source = source
        ends = [match.end() for match in _LINE_END.finditer(source)]
        self._starts = [0, *ends]
        found = _LINE_END.search(source)
        self.newline = found[0] if found else "\n"

    def text(self, position: Position) -> str:
        """The text at a position."""
        start, end = self._span(position)
        return self.source[start:end]

    def apply(self, edits: Iterable[Edit]) -> str:
        """The file with the edits made.

        Raises:
            ValueError: Two of them overlap.
        """
        spans = sorted((*self._span(edit.position), edit.text) for edit in edits)
        parts, at = [], 0
        for start, end, text in spans:
            if start < at:
                raise ValueError("edits overlap")
            parts += [self.source[at:start], text.replace("\n", self.newline)]
            at = end
        return "".join([*parts, self.source[at:]])

    def lines(self, edits: Sequence[Edit]) -> set[int]:
        """The lines that edits touch."""
        return {line for edit in edits for line in range(edit.position[0], edit.position[2] + 1)}

    def _span(self, position: Position) -> tuple[int, int]:
        line, column, end_line, end_column = position
        return self._offset(line, column), self._offset(end_line, end_column)

    def _offset(self, line: int, column: int) -> int:
        if not 1 <= line <= len(self._starts):
            raise ValueError(f"there is no line {line}")
        start = self._starts[line - 1]
        # A character has at least one byte, so the first `column` characters hold the prefix.
        prefix = self.source[start : start + column].encode("utf-8", "surrogatepass")[:column]
        return start + len(prefix.decode("utf-8", "surrogatepass"))
