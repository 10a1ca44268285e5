"""The generator: chooses parents and kinds, and gives only what was verified."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from lemur2.architecture import Architecture, Candidate, Refusal, decode_source
from lemur2.corpus.pool import Member, Pool
from lemur2.errors import UsageError, UserError
from lemur2.generators.mutation.plans import KINDS
from lemur2.generators.mutation.workshop import Attempt, Subject, Workshop
from lemur2.loop.generator import Generator
from lemur2.suggestions import did_you_mean
from lemur2.tasks import DEFAULT_TASK, task

_OPEN = 4  # parents that are kept traced


@dataclass(frozen=True, kw_only=True)
class MutationConfig:
    """What is mutated, and how."""

    parent: tuple[str, ...] = field(
        default=(),
        metadata={"help": "files, names or families to mutate; by default all, the best first"},
    )
    kinds: tuple[str, ...] = field(
        default=KINDS, metadata={"help": "what may be changed, one kind a mutation"}
    )
    steps: int = field(
        default=1, metadata={"help": "mutations from a parent to a candidate, one upon another"}
    )
    attempts: int = field(
        default=6, metadata={"help": "most tries at each of them before a parent is left alone"}
    )
    best: int = field(
        default=100, metadata={"help": "parents that are taken from a corpus, by score"}
    )

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                hint = did_you_mean(kind, KINDS, f"kinds are {', '.join(KINDS)}")
                raise UsageError(f"there is no kind {kind!r}; {hint}")
        if not self.kinds:
            raise UsageError(f"kinds must not be empty; kinds are {', '.join(KINDS)}")
        for name in ("steps", "attempts", "best"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")


class MutationGenerator(Generator[MutationConfig]):
    """Changes existing networks in their source: what it gives has run, as the file that it is.

    Parents take turns, those used least first, then by score. A kind is proposed more often the
    more of its attempts were valid. Plans that were tried are never tried again.
    """

    name: ClassVar[str] = "mutation"
    about: ClassVar[str] = "existing networks, changed in their source so that they still run"
    Config: ClassVar[type] = MutationConfig

    def __init__(self, config: MutationConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._random = random.Random(seed)
        self._pool: Pool | None = None
        self._subjects: dict[str, Subject] = {}
        self._uses: Counter[str] = Counter()
        self._dead: dict[str, str] = {}  # parent -> why nothing more comes of it
        self._taken: dict[str, list[str]] = {}  # parent -> keys of plans
        self._tried: Counter[str] = Counter()  # kind -> attempts
        self._valid: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()  # reason -> how often
        self._given: set[str] = set()  # digests
        self._misses: list[dict[str, str]] = []  # attempts before the candidate at hand
        self._parents: list[str] | None = None

    def meet(self, pool: Pool) -> None:
        """Take parents from here.

        Raises:
            UserError: It lacks what the config asks for.
        """
        self._pool = pool
        for word in self.config.parent:
            if not _is_file(word) and not any(True for _ in self._named(word)):
                raise UserError(
                    f"there is no file, network or family {word!r} to mutate; "
                    "`lemur2 data` lists what the corpus has"
                )

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next mutants; fewer, in the end none, where parents have no plans left."""
        found: list[Candidate] = []
        while len(found) < limit:
            parent = self._next_parent()
            if parent is None:
                break
            candidate = self._mutate(parent)
            if candidate is not None:
                found.append(candidate)
        if not found and not self._given and self.config.parent:
            self._explain()
        return found

    def state(self) -> Mapping[str, Any]:
        """Random state, what each parent was used for, what came of each kind."""
        version, words, gauss = self._random.getstate()
        return {
            "random": [version, list(words), gauss],
            "uses": dict(self._uses),
            "dead": dict(self._dead),
            "taken": {parent: sorted(keys) for parent, keys in self._taken.items()},
            "tried": dict(self._tried),
            "valid": dict(self._valid),
            "failed": dict(self._failed),
            "given": sorted(self._given),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue."""
        version, words, gauss = state["random"]
        self._random.setstate((version, tuple(words), gauss))
        self._uses, self._dead = Counter(state["uses"]), dict(state["dead"])
        self._taken = {parent: list(keys) for parent, keys in state["taken"].items()}
        self._tried, self._valid = Counter(state["tried"]), Counter(state["valid"])
        self._failed, self._given = Counter(state["failed"]), set(state["given"])
        self._subjects.clear()

    def notes(self) -> Sequence[str]:
        """How many attempts of each kind were valid, and why the others were not."""
        if not self._tried:
            return ()
        kinds = (f"{kind} {self._valid[kind]}/{n}" for kind, n in self._tried.most_common())
        lines = [f"valid of attempts: {', '.join(kinds)}"]
        if self._failed:
            reasons = (f"{reason} {n}" for reason, n in self._failed.most_common())
            lines.append(f"refused: {', '.join(reasons)}")
        return lines

    def _workshop(self) -> Workshop:
        return Workshop(self.engine, task(self._pool.task if self._pool else DEFAULT_TASK))

    def _next_parent(self) -> str | None:
        alive = [name for name in self._all_parents() if name not in self._dead]
        return min(alive, key=lambda name: self._uses[name], default=None)

    def _all_parents(self) -> list[str]:
        if self._parents is None:
            words = self.config.parent
            files = [word for word in words if _is_file(word)]
            named = [m for word in words if not _is_file(word) for m in self._named(word)]
            if not words and self._pool is not None:
                named = list(self._pool.members)
            chosen = _ranked(named, self._pool.loss) if self._pool is not None else []
            chosen = chosen if words else chosen[: self.config.best]
            self._parents = list(dict.fromkeys([*files, *(each.name for each in chosen)]))
        return self._parents

    def _named(self, word: str) -> Iterator[Member]:
        if self._pool is not None:
            for member in self._pool.members:
                if word in (member.name, member.family):
                    yield member

    def _source(self, parent: str) -> str:
        if _is_file(parent):
            try:
                return decode_source(Path(parent).read_bytes())
            except OSError as error:
                raise UserError(f"{parent} cannot be read: {error.strerror}") from error
        assert self._pool is not None
        return self._pool.source(parent)

    def _mutate(self, parent: str) -> Candidate | None:
        """A candidate from a parent; None where none came of it, which then is done with."""
        subject = self._subject(parent)
        says: list[dict[str, str]] = []
        self._misses = []
        source = ""
        for step in range(self.config.steps):
            made = self._step(parent, subject) if subject is not None else None
            if made is None:
                break
            source = made.source
            says.append({"kind": made.plan.kind, "edit": made.plan.says})
            if step + 1 < self.config.steps:
                subject = self._opened(source, ())
        if len(says) < self.config.steps:
            self._dead.setdefault(parent, "no valid mutation in so many attempts")
            return None
        self._uses[parent] += 1
        return self._candidate(parent, source, says)

    def _subject(self, parent: str) -> Subject | None:
        if parent not in self._subjects:
            if len(self._subjects) >= _OPEN:
                del self._subjects[next(iter(self._subjects))]
            subject = self._opened(self._source(parent), self._taken.get(parent, ()), parent)
            if subject is None:
                return None
            self._subjects[parent] = subject
        return self._subjects[parent]

    def _opened(self, source: str, taken: Sequence[str], parent: str = "") -> Subject | None:
        try:
            return self._workshop().open(source, taken)
        except Refusal as refusal:
            self._failed[f"parent: {refusal.verdict}"] += 1
            if parent:
                self._dead[parent] = f"{refusal.verdict}: {refusal}"
            return None

    def _step(self, parent: str, subject: Subject) -> Attempt | None:
        """A valid mutation of a subject, within the allowed attempts."""
        for _ in range(self.config.attempts):
            made = self._workshop().attempt(subject, self._random, self._kinds())
            if made is None:
                missed = subject.planner.parent.out_of_reach()
                reason = f": {missed}" if missed else ""
                self._dead.setdefault(parent, f"nothing left to change{reason}")
                return None
            if subject is self._subjects.get(parent):
                self._taken.setdefault(parent, []).append(made.plan.key)
            self._tried[made.plan.kind] += 1
            if not made.valid:
                self._failed[made.verified.problem.partition(":")[0]] += 1
                self._misses.append(
                    {"kind": made.plan.kind, "problem": made.verified.problem[:200]}
                )
                continue
            self._valid[made.plan.kind] += 1
            digest = Architecture.parse(made.source).digest
            if digest not in self._given:
                self._given.add(digest)
                return made
        return None

    def _kinds(self) -> list[str]:
        """Kinds in a random order; those that work out more often tend to come first."""
        weighted = [
            (self._random.random() ** ((self._tried[k] + 2) / (self._valid[k] + 1)), k)
            for k in self.config.kinds
        ]
        return [kind for _, kind in sorted(weighted, reverse=True)]

    def _candidate(self, parent: str, source: str, says: list[dict[str, str]]) -> Candidate:
        name = Path(parent).stem if _is_file(parent) else parent
        kind = says[0]["kind"] if len({each["kind"] for each in says}) == 1 else "mixed"
        return Candidate(
            source=source,
            generator=self.name,
            prefix=f"ast-{kind}-{name}",
            parents=(name,),
            parameters={"kind": kind, "edits": says, "failed": self._misses},
        )

    def _explain(self) -> None:
        """Nothing came of what was asked for: say why, for the first of it."""
        for parent, reason in self._dead.items():
            raise UserError(f"{parent} cannot be mutated: {reason}; `lemur2 check` screens it")


def _ranked(members: list[Member], loss: Callable[[Member], float]) -> list[Member]:
    """The best of every family, then the second best of every family: score and variety."""
    seen: Counter[str] = Counter()
    turns: list[tuple[int, float, int, Member]] = []
    for member in sorted(members, key=loss):
        turns.append((seen[member.family], loss(member), len(turns), member))
        seen[member.family] += 1
    return [turn[-1] for turn in sorted(turns, key=lambda turn: turn[:3])]


def _is_file(word: str) -> bool:
    return word.endswith(".py") or "/" in word
