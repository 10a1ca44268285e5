"""The zoo: hand-written seed networks, plain Net files that ship with the package as data."""

from difflib import get_close_matches
from importlib.resources import files

from lemur2.architecture.candidate import Candidate
from lemur2.errors import UsageError


def zoo_names() -> list[str]:
    """The names of the seed networks, sorted; each is its file's name without `.py`."""
    folder = files("lemur2").joinpath("zoo")
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir())
    return sorted(n.removesuffix(".py") for n in names if n.endswith(".py") and n[0] != "_")


def zoo_source(name: str) -> str:
    """The source of a seed network.

    Raises:
        UsageError: There is none of this name; the message offers similar ones.
    """
    names = zoo_names()
    if name not in names:
        close = get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(names)}"
        raise UsageError(f"the zoo has no network named {name!r}; {hint}")
    return files("lemur2").joinpath("zoo", f"{name}.py").read_text("utf-8")


def zoo_candidates() -> list[Candidate]:
    """Every seed network as a candidate under its own name, by generator `zoo`."""
    return [Candidate(source=zoo_source(n), generator="zoo", name=n) for n in zoo_names()]
