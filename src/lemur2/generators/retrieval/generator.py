"""The generator: draws blocks from a library, stratified, and writes networks of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from lemur2.architecture import Architecture, Candidate, Refusal
from lemur2.corpus.pool import Pool
from lemur2.errors import UsageError, UserError
from lemur2.generators.fractal.permutation import permuted
from lemur2.generators.retrieval import template
from lemur2.generators.retrieval.fitting import Piece, piece
from lemur2.loop.generator import Generator
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.library.stages import Stage

_TRIES = 200  # networks that may fail to be written one after another


@dataclass(frozen=True, kw_only=True)
class RetrievalConfig:
    """Which blocks to build with, and what to build."""

    library: str = field(
        default="",
        metadata={
            "help": "the block library's file; by default the one that `lemur2 blocks extract` "
            "fills, and one of torchvision's blocks that is made where there is none yet"
        },
    )
    stages: tuple[int, ...] = field(
        default=(1, 2, 3), metadata={"help": "numbers of stages, each one block, in turn"}
    )
    widths: tuple[int, ...] = field(
        default=(16, 32, 48, 64), metadata={"help": "channels that stages have between blocks"}
    )
    replace: float = field(
        default=0.25,
        metadata={"help": "share of networks that are known ones with a layer replaced by a block"},
    )
    block_parameters: int = field(
        default=1_000_000, metadata={"help": "most parameters of one block"}
    )
    block_flops: int = field(
        default=100_000_000, metadata={"help": "most FLOPs of one block, for one sample"}
    )

    def __post_init__(self) -> None:
        for name in ("stages", "widths"):
            values = getattr(self, name)
            if not values or min(values) < 1:
                raise UsageError(f"{name} must be numbers from 1 up, not {values}")
        if not 0 <= self.replace <= 1:
            raise UsageError(f"replace must be from 0 to 1, not {self.replace}")


class RetrievalGenerator(Generator[RetrievalConfig]):
    """Networks of retrieved blocks, categories and origins in equal shares (section 9.6)."""

    name: ClassVar[str] = "retrieval"
    about: ClassVar[str] = "networks of blocks retrieved from model libraries (NN-RAG)"
    prefix: ClassVar[str] = "rag"
    Config: ClassVar[type] = RetrievalConfig

    def __init__(self, config: RetrievalConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._asked = 0  # attempts at a network, given or not
        self._drawn: dict[str, int] = {}  # blocks that were taken from each cell
        self._turn = 0  # of the cells
        self._seen: set[str] = set()  # digests of the networks given, shortened
        self._pool: Pool | None = None
        self._upto: int | None = None

    def meet(self, pool: Pool) -> None:
        """Networks whose layers are replaced."""
        self._pool = pool

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next networks, none twice; fewer where the library has no other ones."""
        found: list[Candidate] = []
        failures = 0
        while len(found) < limit:
            candidate = self._next()
            if candidate is not None:
                found.append(candidate)
                failures = 0
                continue
            failures += 1
            if failures > _TRIES:
                break
        return found

    def state(self) -> Mapping[str, Any]:
        """Where the draws stand, and which library they are from."""
        return {
            "asked": self._asked,
            "drawn": dict(self._drawn),
            "turn": self._turn,
            "seen": sorted(self._seen),
            "blocks": self._upto,
            "library": None if self._upto is None else self._digest,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on. Raises UserError where the library's blocks are not those of the run."""
        self._asked, self._turn = state["asked"], state["turn"]
        self._drawn, self._seen = dict(state["drawn"]), set(state["seen"])
        if state["library"] is None:
            return
        self._upto = state["blocks"]
        self.__dict__.pop("_pieces", None)
        self.__dict__.pop("_digest", None)
        if self._digest != state["library"]:
            raise UserError(
                f"the block library {self._path} has changed since the run began; restore it, or "
                "start a new run"
            )

    @cached_property
    def _path(self) -> Path:
        from lemur2.evaluation.library.starter import library_file

        return library_file(self.config.library, lambda: self.engine)

    @cached_property
    def _digest(self) -> str:
        with BlockLibrary(self._path) as library:
            assert self._upto is not None
            return library.digest(self._upto)

    @cached_property
    def _pieces(self) -> dict[str, list[Piece]]:
        """Blocks that fit, by cell: category and origin."""
        with BlockLibrary(self._path) as library:
            if self._upto is None:
                self._upto = library.last
            entries = list(library.entries(at_least=Stage.BACKWARD, upto=self._upto))
        cells: dict[str, list[Piece]] = defaultdict(list)
        bounds = {
            "max_parameters": self.config.block_parameters,
            "max_flops": self.config.block_flops,
        }
        for entry in entries:
            if (found := piece(entry, **bounds)) is not None:
                cells[f"{entry.category}/{entry.origin}"].append(found)
        if not cells:
            raise UserError(
                f"the block library {self._path} has no block that fits; "
                "`lemur2 blocks extract --all` adds some"
            )
        order = sorted(cells)
        random.Random(f"cells/{self.seed}").shuffle(order)
        return {name: cells[name] for name in order}

    def _next(self) -> Candidate | None:
        """The next network; None where its parts cannot stand in one file, or it was given."""
        draw = random.Random(f"network/{self.seed}/{self._asked}")
        self._asked += 1
        try:
            replaced = self._replaced(draw) if draw.random() < self.config.replace else None
            candidate = replaced or self._composed(draw)
            made = Architecture.parse(candidate.source, prefix=self.prefix)
        except (ValueError, Refusal):
            return None
        digest = made.digest[:16]
        if digest in self._seen:
            return None
        self._seen.add(digest)
        return candidate

    def _composed(self, draw: random.Random) -> Candidate:
        stages = self.config.stages[self._asked % len(self.config.stages)]
        pieces = [self._draw() for _ in range(stages)]
        widths = sorted(draw.choice(self.config.widths) for _ in pieces)
        return self._candidate(
            template.compose(pieces, widths), pieces, {"widths": widths, "form": "stages"}
        )

    def _replaced(self, draw: random.Random) -> Candidate | None:
        """A known network with a convolution replaced; None where none is at hand."""
        found = next(self._parents(draw), None)
        if found is None:
            return None
        parent, source, count = found
        which, block = draw.randrange(count), self._draw()
        return self._candidate(
            template.replace(source, which, block),
            [block],
            {"convolution": which, "form": "replaced"},
            parents=(parent,),
        )

    def _parents(self, draw: random.Random) -> Iterator[tuple[str, str, int]]:
        """Some members of the pool in random order that have convolutions to replace."""
        members = self._pool.members if self._pool is not None else ()
        for member in draw.sample(members, min(len(members), 8)):
            assert self._pool is not None
            source = self._pool.source(member.name)
            try:
                count = len(template.convolutions(source))
            except (SyntaxError, ValueError):
                continue
            if count:
                yield member.name, source, count

    def _draw(self) -> Piece:
        """A block of the cell whose turn it is, each of its blocks once before any twice."""
        cells = list(self._pieces)
        cell = cells[self._turn % len(cells)]
        self._turn += 1
        pieces = self._pieces[cell]
        drawn = self._drawn.get(cell, 0)
        self._drawn[cell] = drawn + 1
        pass_, index = divmod(drawn, len(pieces))
        return pieces[permuted(index, len(pieces), f"{self.seed}/{cell}/{pass_}")]

    def _candidate(
        self,
        source: str,
        pieces: Sequence[Piece],
        more: Mapping[str, Any],
        parents: tuple[str, ...] = (),
    ) -> Candidate:
        blocks = [
            {
                "block": each.entry.qualified_name,
                "origin": each.entry.origin,
                "version": each.entry.version,
                "licence": each.entry.licence,
                "category": each.entry.category,
            }
            for each in pieces
        ]
        return Candidate(
            source=source,
            generator=self.name,
            prefix=self.prefix,
            parents=parents,
            parameters={"blocks": blocks, **more},
        )
