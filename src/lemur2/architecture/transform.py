"""A transform's source file: a module-level `transform(norm)`."""

from dataclasses import dataclass
from typing import Self

from lemur2.architecture.contract import require_arguments
from lemur2.architecture.digest import tree_digest
from lemur2.architecture.names import content_name
from lemur2.architecture.syntax import parse_tree
from lemur2.architecture.toplevel import last_function
from lemur2.architecture.verdict import Refusal, Verdict


@dataclass(frozen=True, slots=True)
class TransformSource:
    """A source file that defines `transform(norm)`, `norm = (mean, std)` each per channel.

    Attributes:
        source: The complete file, as given.
        name: `prefix-md5`, or the name that was given.
        digest: Canonical digest: equal for files that differ in formatting only.
        prefix: Family prefix of the name, "" where none.
    """

    source: str
    name: str
    digest: str
    prefix: str

    @classmethod
    def parse(cls, source: str, *, prefix: str = "", name: str | None = None) -> Self:
        """Read a source file. Nothing in it runs; the parameter's own name does not matter.

        Raises:
            Refusal: With verdict `syntax` or `contract`, the line where one is to blame, and a
                remedy.
        """
        tree = parse_tree(source)
        function = last_function(tree.body, "transform")
        if function is None:
            raise Refusal(
                Verdict.CONTRACT,
                "there is no function transform(norm) at the top level",
                remedy="define transform(norm) and return what it composes",
            )
        require_arguments(function, 1, "(norm)")
        return cls(source, name or content_name(prefix, source), tree_digest(tree), prefix)
