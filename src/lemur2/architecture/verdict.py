"""What became of a candidate: `ok`, or the stage that refused it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Verdict(StrEnum):
    """The end of an evaluation. Each value but `OK` names the stage or the limit that refused."""

    OK = "ok"
    SYNTAX = "syntax"  # the source does not parse
    CONTRACT = "contract"  # it parses, but does not keep the Net contract or its task's rules
    DUPLICATE = "duplicate"  # the corpus or this run already has it
    IMPORT = "import"  # running the module's top level raised
    BUILD = "build"  # the constructor or train_setup raised
    SHAPE = "shape"  # forward raised or gave the wrong shape at every input size
    BACKWARD = "backward"  # no gradient, or not for every parameter that should get one
    TRAIN = "train"  # learn raised
    DIVERGED = "diverged"  # predictions or weights became NaN or infinite
    TIMEOUT = "timeout"  # the time limit was reached
    MEMORY = "memory"  # the memory limit was reached
    CRASH = "crash"  # the worker died, or left without reporting
    FORBIDDEN = "forbidden"  # it tried what the sandbox forbids


@dataclass(eq=False)  # not frozen: Python itself sets a passing exception's traceback
class Refusal(Exception):
    """A candidate was refused: the verdict, one line of reason, and where in its source.

    `line` is 1-based and None where no line is to blame; `remedy` says what would mend it. `more`
    is what else is to be mended, where that is known.
    """

    verdict: Verdict
    reason: str
    line: int | None = None
    remedy: str = ""
    more: tuple["Refusal", ...] = ()

    @classmethod
    def of_all(cls, found: Sequence["Refusal"]) -> Self:
        """Several of one verdict (at least one) as one."""
        first, *others = found
        return cls(first.verdict, first.reason, first.line, first.remedy, tuple(others))

    def lines(self) -> list[str]:
        """What is to be mended, a line each."""
        return [self._line(), *(line for other in self.more for line in other.lines())]

    def __str__(self) -> str:
        lines = self.lines()
        if len(lines) == 1:
            return lines[0]
        return "  ".join(f"({number}) {line}" for number, line in enumerate(lines, start=1))

    def _line(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.reason}{'; ' + self.remedy if self.remedy else ''}"

    def __reduce__(self) -> tuple[type["Refusal"], tuple[object, ...]]:
        return type(self), (self.verdict, self.reason, self.line, self.remedy, self.more)
