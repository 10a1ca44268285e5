"""ModelPlanner: proposes mutations of one traced parent, each with all that it takes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from lemur2.evaluation.trace import Trace
from lemur2.generators.mutation import arguments, layers, sizes
from lemur2.generators.mutation.code_mutator import CodeMutator
from lemur2.generators.mutation.formulas import Number
from lemur2.generators.mutation.parent import Parent
from lemur2.generators.mutation.plans import KINDS, Plan
from lemur2.generators.mutation.solver import Refused, Solver

Proposals = Callable[[Parent, random.Random], Iterator[Callable[[], Plan]]]


def _either(*sources: Proposals) -> Proposals:
    def propose(parent: Parent, rng: random.Random) -> Iterator[Callable[[], Plan]]:
        for source in sources:
            yield from source(parent, rng)

    return propose


_PROPOSALS: dict[str, Proposals] = {
    "width": sizes.widths,
    "symbolic": sizes.symbolic,
    "kernel": sizes.kernels,
    "stride": sizes.strides,
    "padding": sizes.paddings,
    "dilation": _either(sizes.dilations, arguments.dilations),
    "groups": _either(sizes.groups, arguments.groups),
    "dropout": sizes.dropouts,
    "activation": layers.activations,
    "normalization": layers.normalizations,
    "pooling": layers.poolings,
    "insert": layers.insertions,
    "delete": layers.deletions,
    "repeat": layers.repetitions,
}
_TRIES = 24  # of proposals of one kind that come to nothing, before it is given up


class ModelPlanner:
    """Plans mutations of a parent; never the same one twice.

    Attributes:
        refused: Why proposals came to no plan, by (kind, reason), with counts.
    """

    def __init__(self, source: str, trace: Trace, taken: Sequence[str] = ()) -> None:
        self.parent = Parent(CodeMutator(source), trace, Solver(trace))
        self.refused: Counter[tuple[str, str]] = Counter()
        self.taken = set(taken)

    def plan(self, kinds: Sequence[str], rng: random.Random) -> Plan | None:
        """A plan of one of the kinds, the first kind preferred; None where none has any left."""
        for kind in kinds:
            found = self._of_kind(kind, rng)
            if found is not None:
                return found
        return None

    def change(self, module: str, argument: str, value: Number) -> Plan:
        """The plan that gives one argument of a module a new value, and whatever follows.

        Args:
            module: Its name in the network, `layer1.0.conv1`.
            argument: Of its constructor: `out_channels`, `kernel_size`, ...
            value: The new one, on every side where there are several.

        Raises:
            Refused: There is no such number in the source, or no consistent set of changes.
        """
        found = next((m for m in self.parent.trace.modules if m.name == module), None)
        if found is None:
            raise Refused("no such module", module)
        return sizes.change(self.parent, found, argument, value)

    def _of_kind(self, kind: str, rng: random.Random) -> Plan | None:
        tries = 0
        for propose in _PROPOSALS[kind](self.parent, rng):
            try:
                plan = propose()
            except Refused as refused:
                self.refused[kind, refused.reason] += 1
                tries += 1
                if tries > _TRIES:
                    break
                continue
            if plan.key not in self.taken:
                self.taken.add(plan.key)
                return plan
        if not tries:
            self.refused[kind, "nothing to change, or all of it done"] += 1
        return None


assert set(_PROPOSALS) == set(KINDS)
