"""RepoCache, FileIndexStore and BlockDiscovery, on what people really have lying about."""

import subprocess
import zipfile

import pytest

from lemur2.errors import UsageError, UserError
from lemur2.retrieval import BlockDiscovery, BlockExtractor, FileIndexStore, RepoCache, Unresolvable
from lemur2.retrieval.sources.licences import of_text
from lemur2.retrieval.sources.listing import MAX_BYTES

MODULE = "from torch import nn\nclass Block(nn.Module):\n    def forward(self, x): return x\n"


def test_only_changed_files_are_parsed_again(made):
    lib = made({"pkg/a.py": MODULE, "pkg/b.py": "X = 1"})
    assert (lib.update.files, lib.update.parsed) == (3, 3)
    assert (lib.index().parsed, lib.index().removed) == (0, 0)
    lib.write({"pkg/a.py": MODULE.replace("Block", "Other"), "pkg/c.py": "X = 1"})
    assert lib.index().parsed == 1  # c.py has the text of b.py
    assert set(lib.blocks()) == {"Other"}
    (lib.root / "pkg/a.py").unlink()
    assert lib.index().removed == 1
    assert not lib.blocks()


def test_the_index_keeps_its_own_texts(made):
    lib = made({"pkg/a.py": MODULE})
    (lib.root / "pkg/a.py").write_text("gone = True")
    assert "class Block" in lib.extract("pkg.a.Block").source


def test_several_processes_find_the_same(made, tmp_path):
    lib = made({f"pkg/m{n}.py": MODULE.replace("Block", f"B{n}") for n in range(60)})
    other = FileIndexStore(tmp_path / "other.db", workers=2)
    other.update(lib.cache.add(str(lib.root)))
    assert [*other.symbols()] == [*lib.store.symbols()]


BROKEN = {
    "broken.py": ("def f(:\n", "broken.py: cannot be parsed in line 1"),
    "newer.py": ("x = 1\nnew syntax here\n", "newer.py: cannot be parsed in line 2"),
    "huge.py": ("x = 1\n" + "#" * (MAX_BYTES + 1), "huge.py: left out, 4.0 MB"),
    "latin.py": (b"# \xe9\nx = 1\n", "latin.py: cannot be decoded"),
    "codec.py": (b"# -*- coding: nonsense -*-\n", "codec.py: cannot be decoded"),
    "zero.py": (b"x = '\x00'\n", "zero.py: cannot be parsed"),
    "deep.py": ("x = " + "(" * 3000 + ")" * 3000, "deep.py: cannot be parsed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_read_is_one_line(made, name):
    content, line = BROKEN[name]
    lib = made({f"pkg/{name}": content, "pkg/good.py": MODULE})
    assert len(lib.update.problems) == 1
    assert lib.update.problems[0].startswith(f"pkg/{line}")
    assert "\n" not in lib.update.problems[0]
    assert set(lib.blocks()) == {"Block"}


def test_a_broken_file_refuses_what_needs_it(made):
    lib = made({"pkg/bad.py": "def f(:", "pkg/a.py": "from .bad import f\nclass B:\n    x = f()"})
    with pytest.raises(Unresolvable):
        lib.extract("pkg.a.B")


def test_cyclic_imports_and_reexports_end(made):
    lib = made(
        {
            "pkg/a.py": "from .b import *\nfrom .b import ghost\nclass A:\n    x = ghost",
            "pkg/b.py": "from .a import *\nfrom .a import ghost",
        }
    )
    with pytest.raises(Unresolvable):
        lib.extract("pkg.a.A")


def test_two_classes_of_one_name(made):
    lib = made({"pkg/a.py": MODULE, "pkg/b.py": MODULE + MODULE.replace("return x", "return 2")})
    with pytest.raises(UsageError, match=r"2: pkg.a.Block.*pkg.b.Block") as caught:
        lib.extract("Block")
    assert "\n" not in str(caught.value)
    source = lib.extract("pkg.b.Block").source
    assert "return 2" in source  # the last of one file counts
    assert len(BlockDiscovery(lib.store).find("pkg.b.Block")) == 1


def test_an_unknown_name(made):
    with pytest.raises(UsageError, match="Nothing"):
        made({"pkg/a.py": MODULE}).extract("Nothing")


def test_a_licence_that_cannot_be_found(made):
    lib = made({"pkg/a.py": MODULE})
    assert lib.blocks()["Block"].licence == "unknown"
    assert "# Licence: unknown" in lib.extract("Block").source


def test_the_usual_licences():
    assert of_text("Apache License\n  Version 2.0, January 2004") == "Apache-2.0"
    assert of_text("Permission is hereby granted, free of charge, to any person") == "MIT"
    assert of_text("do what you like") == "unknown"


def test_discovery_across_files(made):
    lib = made(
        {
            "pkg/base.py": """
            import abc
            import torch.nn as tnn
            class Root(tnn.Module): pass
            class Abstract(Root):
                @abc.abstractmethod
                def part(self): ...
                def forward(self, x): return self.part()
            class Unfinished(Root):
                def forward(self, x): raise NotImplementedError
            """,
            "pkg/a.py": """
            from . import base
            from .base import Abstract as A, Unfinished
            class NoForward(base.Root): pass
            class Whole(A):
                '''What it is.'''
                def __init__(self, width: int, *, act="relu"): super().__init__()
                def part(self): return 1
            class Still(A): pass
            class Done(Unfinished):
                forward = lambda self, x: x
            class Conv(base.tnn.Conv2d): pass
            class Weight(base.tnn.Parameter):
                def forward(self): pass
            class Plain:
                def forward(self, x): return x
            """,
        }
    )
    found = lib.blocks()
    assert set(found) == {"Whole", "Done", "Conv"}
    whole = found["Whole"]
    assert (whole.docstring, whole.bases) == ("What it is.", ("pkg.base.Abstract",))
    assert [(p.name, p.annotation, p.default, p.kind) for p in whole.parameters] == [
        ("width", "int", None, "positional"),
        ("act", None, '"relu"', "keyword"),
    ]
    assert [p.name for p in whole.forward_parameters] == ["x"]


def test_generated_from_files_are_left_out(made):
    head = "# This file was automatically generated from src/pkg/modular_x.py.\n"
    lib = made(
        {
            "pkg/modular_x.py": MODULE,
            "pkg/modeling_x.py": head + MODULE,
            "pkg/modular_y.py": MODULE.replace("Block", "Own"),
        }
    )
    assert {b.module for b in lib.blocks().values()} == {"pkg.modeling_x", "pkg.modular_y"}


def test_sources_that_are_not_there(tmp_path):
    cache = RepoCache(tmp_path)
    for spec, error, line in [
        ("nowhere/at/all", UsageError, "no sources at"),
        ("dist:surely-not-installed", UserError, "is not installed"),
        (f"file://{tmp_path}/nothing.git", UserError, "cannot be fetched"),
    ]:
        with pytest.raises(error, match=line) as caught:
            cache.add(spec)
        assert "\n" not in str(caught.value)


def test_a_wheel_and_a_broken_one(tmp_path):
    wheel = tmp_path / "made-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("made/__init__.py", MODULE)
        archive.writestr("made-1.2.dist-info/METADATA", "Name: made\nVersion: 1.2\nLicense: MIT\n")
    origin = RepoCache(tmp_path / "cache").add(str(wheel))
    assert (origin.name, origin.version, origin.licence) == ("made", "1.2", "MIT")
    store = FileIndexStore(tmp_path / "index.db")
    store.update(origin)
    assert BlockExtractor(store).extract("made.Block").version == "1.2"
    wheel.write_bytes(b"not a zip")
    with pytest.raises(UserError, match="is not a wheel"):
        RepoCache(tmp_path / "cache").add(str(wheel))


def test_a_repository_is_known_by_its_commit(tmp_path):
    repository = tmp_path / "code"
    repository.mkdir()
    (repository / "net.py").write_text(MODULE)
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    origin = RepoCache(tmp_path / "cache").add(f"file://{repository}")
    assert (origin.name, origin.version) == ("code", head.stdout.strip())
    store = FileIndexStore(tmp_path / "index.db")
    store.update(origin)
    assert [b.qualified_name for b in BlockDiscovery(store).blocks()] == ["net.Block"]


def test_a_file_that_is_no_index(tmp_path):
    path = tmp_path / "index.db"
    path.write_text("hello" * 500)
    with pytest.raises(UserError, match="no index of blocks"):
        FileIndexStore(path)
