"""A network's source file, checked against the Net contract without running any of it."""

from dataclasses import dataclass
from typing import Self

from lemur2.architecture.contract import check_net
from lemur2.architecture.digest import tree_digest
from lemur2.architecture.hyperparameters import declared_hyperparameters
from lemur2.architecture.names import content_name
from lemur2.architecture.syntax import parse_tree
from lemur2.architecture.verdict import Refusal


@dataclass(frozen=True, slots=True)
class Architecture:
    """A source file that keeps the Net contract, as far as its syntax tells.

    Make one with `Architecture.parse`.

    Attributes:
        source: The complete file, as given.
        name: `prefix-md5`, or the name that was given.
        digest: Canonical digest: equal for files that differ in formatting only.
        prefix: Family prefix of the name, "" where none.
        hyperparameters: What `supported_hyperparameters` returns; None where it computes it, so
            that only running it tells.
        warnings: Tolerated deviations from the contract, one line each.
    """

    source: str
    name: str
    digest: str
    prefix: str
    hyperparameters: frozenset[str] | None
    warnings: tuple[str, ...] = ()

    @classmethod
    def parse(cls, source: str, *, prefix: str = "", name: str | None = None) -> Self:
        """Read a source file: contract, hyperparameters, name and digest. Nothing in it runs.

        Raises:
            Refusal: With verdict `syntax` or `contract`, the line where one is to blame, and a
                remedy; all that the contract misses at once.
        """
        tree = parse_tree(source)
        faults, warnings = check_net(tree)
        try:
            hyperparameters, more = declared_hyperparameters(tree)
        except Refusal as refusal:
            faults.append(refusal)
        if faults:
            raise Refusal.of_all(faults)
        return cls(
            source=source,
            name=name or content_name(prefix, source),
            digest=tree_digest(tree),
            prefix=prefix,
            hyperparameters=hyperparameters,
            warnings=(*warnings, *more),
        )
