"""Parameters of operations: each a finite set of values, by index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

_DIGITS = 4  # after the point: what a step is rounded to, so that 0.1 + 0.2 is written 0.3


@dataclass(frozen=True)
class Parameter(ABC):
    """A keyword argument and the values that it may take."""

    name: str

    @property
    @abstractmethod
    def size(self) -> int:
        """How many values there are."""

    @abstractmethod
    def value(self, index: int) -> Any:
        """The value of this index, 0 <= index < size."""


@dataclass(frozen=True)
class Choice(Parameter):
    """One of some values."""

    values: tuple[Any, ...]

    @property
    def size(self) -> int:
        """How many were given."""
        return len(self.values)

    def value(self, index: int) -> Any:
        """In the order given."""
        return self.values[index]


@dataclass(frozen=True)
class Number(Parameter):
    """A number from `low` to `high`, both included, in steps; whole where all three are."""

    low: float
    high: float
    step: float

    @property
    def size(self) -> int:
        """Steps and one."""
        return round((self.high - self.low) / self.step) + 1

    def value(self, index: int) -> float:
        """Counted from `low`."""
        return round(self.low + index * self.step, _DIGITS)


@dataclass(frozen=True)
class Span(Parameter):
    """A pair of different numbers on the same steps, the smaller one first."""

    low: float
    high: float
    step: float

    @property
    def size(self) -> int:
        """Pairs."""
        ends = self._ends.size
        return ends * (ends - 1) // 2

    def value(self, index: int) -> tuple[float, float]:
        """Ordered by the larger number, then by the smaller one."""
        upper = 1
        while index >= upper:
            index -= upper
            upper += 1
        return self._ends.value(index), self._ends.value(upper)

    @property
    def _ends(self) -> Number:
        return Number(self.name, self.low, self.high, self.step)


@dataclass(frozen=True)
class Twice(Parameter):
    """The same number for both axes."""

    number: Number

    @property
    def size(self) -> int:
        """Of the number."""
        return self.number.size

    def value(self, index: int) -> tuple[float, float]:
        """The number, twice."""
        return (self.number.value(index),) * 2
