"""Arguments that an origin's own code gives its blocks, and what they are good for."""

from lemur2.evaluation.library.building import LibraryBuilder
from lemur2.retrieval.index.discovery import BlockDiscovery
from lemur2.retrieval.index.origin_view import OriginView
from lemur2.retrieval.index.uses import use_sites
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.library.stages import Stage

LIBRARY = {
    "pkg/layers.py": """
        from torch import nn


        class Odd(nn.Module):
            def __init__(self, a, b, *, mode="plain"):
                super().__init__()
                assert (a, b, mode) == (5, 9, "odd")
                self.f = nn.Linear(a, b)

            def forward(self, x):
                return self.f(x)


        class Alone(nn.Module):
            def __init__(self, a):
                super().__init__()
                self.f = nn.Linear(a, a)

            def forward(self, x):
                return self.f(x)
        """,
    "pkg/nets.py": """
        from torch import nn

        from pkg import layers as ours


        class Odd:
            def __init__(self, *args): ...


        class Net(nn.Module):
            def __init__(self, width=9, depth=None, *, mode="odd"):
                super().__init__()
                self.a = ours.Odd(5, width, mode=mode)
                self.b = ours.Odd(depth, *[1], mode=width)
                self.c = ours.Odd(width + 1, depth)
                self.d = Odd(1, 2)
                self.e = nn.Linear(3, 3)

            def forward(self, x):
                return self.a(ours.Odd(77, 77)(x))


        def net():
            return ours.Odd(-1, (2, 3))
        """,
}


def test_literals_and_defaults_are_read_off_calls(made):
    index = made(LIBRARY)
    blocks, view = index.blocks(), OriginView(index.store, index.store.origins()[0].name)
    assert use_sites(view, blocks["Odd"]) == [
        {"a": "5", "b": "9", "mode": "'odd'"},
        {"a": "-1", "b": "(2, 3)"},
        {"mode": "9"},
    ]
    assert use_sites(view, blocks["Alone"]) == []


def test_a_block_is_built_as_its_origin_builds_it(made, validator, tmp_path):
    index = made(LIBRARY)
    blocks = [b for b in BlockDiscovery(index.store).blocks() if b.name in ("Odd", "Alone")]
    with BlockLibrary(tmp_path / "library.db", create=True) as shelf:
        builder = LibraryBuilder(index.store, validator, shelf)
        found = {entry.name: entry.validation for entry in builder.build(blocks)}
    assert found["Odd"].stage is Stage.BACKWARD, found["Odd"].reason
    assert found["Odd"].arguments == {"a": "5", "b": "9", "mode": "'odd'"}
    assert found["Alone"].stage is Stage.BACKWARD
