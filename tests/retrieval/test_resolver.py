"""The resolver: what is taken, what is not, and that the result computes the same."""

import ast

import pytest

from lemur2.retrieval import Unresolvable


def names_in(source):
    tree = ast.parse(source)
    return {n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}


def test_takes_what_is_needed_and_nothing_else(made):
    lib = made(
        {
            "pkg/a.py": """
        SCALE = 3
        UNUSED = 4
        def helper(x):  # a comment that stays
            return x * SCALE
        def other(x):
            return x
        class Block:
            def value(self):
                return helper(2)
        """
        }
    )
    extracted = lib.extract("pkg.a.Block")
    assert names_in(extracted.source) == {"helper", "Block"}
    assert "# a comment that stays" in extracted.source
    assert "UNUSED" not in extracted.source
    assert lib.run("pkg.a.Block")[1]().value() == 6


def test_local_names_are_not_followed(made):
    lib = made(
        {
            "pkg/a.py": """
        def size(): raise AssertionError
        def rest(): raise AssertionError
        def item(): raise AssertionError
        class Block:
            rest = 5
            def value(self, size, *, item=1):
                def inner():
                    nonlocal size
                    size += item
                    return size
                return inner() + sum(item for item in [1, 2]) + (lambda rest: rest)(1)
        """
        }
    )
    assert names_in(lib.extract("pkg.a.Block").source) == {"Block"}
    assert lib.run("pkg.a.Block")[1]().value(1) == 6


def test_a_method_does_not_see_the_names_of_its_class(made):
    lib = made(
        {
            "pkg/a.py": """
        def size(): return "global"
        class Block:
            def size(self): return "method"
            def value(self): return size()
        """
        }
    )
    assert lib.run("pkg.a.Block")[1]().value() == "global"


def test_definition_comes_before_use_across_files_and_cycles(made):
    lib = made(
        {
            "pkg/a.py": """
            from . import b
            class Base:
                def partner(self): return b.Derived
            """,
            "pkg/b.py": """
            from .a import Base
            TABLE = {"d": lambda: Derived}
            class Derived(Base):
                def value(self, key=tuple(TABLE)): return self.partner() is TABLE[key[0]]()
            """,
        }
    )
    assert lib.run("pkg.b.Derived")[1]().value()
    assert lib.run("pkg.a.Base")[1]().partner().__name__ == "Derived"


def test_a_call_at_the_top_finds_what_the_function_needs(made):
    lib = made(
        {
            "pkg/a.py": """
        class Block:
            def value(self): return RESULT
        TABLE = {"block": Block}
        def find(name): return INDEX[name]
        INDEX = dict(TABLE)
        RESULT = find("block")
        """
        }
    )
    _, block = lib.run("pkg.a.Block")
    assert block().value() is block


def test_reexports_aliases_and_stars(made):
    lib = made(
        {
            "pkg/__init__.py": "from .core import *\nfrom .core import helper as public",
            "pkg/core.py": """
            import math as m
            def helper(x): return m.floor(x)
            """,
            "pkg/use/block.py": """
            from .. import public as floor
            from pkg import *
            class Block:
                def value(self): return floor(2.5) + helper(3.5) + m.ceil(0.5)
            """,
        }
    )
    assert lib.run("pkg.use.block.Block")[1]().value() == 6


def test_same_names_of_two_modules_are_kept_apart(made):
    lib = made(
        {
            "pkg/a.py": "KEY = 'a'\ndef helper(): return KEY",
            "pkg/b.py": "KEY = 'b'\ndef helper(): return f'{KEY}{helper.__name__[0]}'",
            "pkg/c.py": """
            from . import a, b as other
            class Block:
                def value(self, helper=None):
                    KEY = "c"
                    return KEY + a.helper() + other.helper()
            """,
        }
    )
    assert lib.run("pkg.c.Block")[1]().value() == "cabh"


def test_imports_inside_functions(made):
    lib = made(
        {
            "pkg/a.py": "def helper(): return 1\ndef second(): return 2",
            "pkg/b.py": """
            def helper(): return 10
            class Block:
                def value(self, first=True):
                    import math
                    if first:
                        from .a import helper as found, second
                    else:
                        found = second = None
                    from . import a
                    return math.floor(found() + second() + a.helper() + helper())
            """,
        }
    )
    _, block = lib.run("pkg.b.Block")
    assert block().value() == 14
    assert "from ." not in lib.extract("pkg.b.Block").source


def test_conditions_stay(made):
    lib = made(
        {
            "pkg/a.py": """
        import sys
        try:
            import surely_not_installed
            HAS = True
            OTHER = 1
        except ImportError:
            HAS = False
            OTHER = 2
        if sys.version_info >= (3, 0):
            def pick(): return "new"
        elif HAS:
            def pick(): return "middle"
        else:
            def pick(): return "old"
        class Block:
            def value(self): return pick(), HAS
        """
        }
    )
    extracted = lib.extract("pkg.a.Block")
    assert "OTHER" not in extracted.source
    assert lib.run("pkg.a.Block")[1]().value() == ("new", False)


def test_the_origins_own_module_wins_over_its_fallback(made):
    lib = made(
        {
            "pkg/fast.py": "def work(): return 'fast'",
            "pkg/a.py": """
            try:
                from .fast import work
            except ImportError:
                work = None
            class Block:
                def value(self): return work()
            """,
        }
    )
    assert lib.run("pkg.a.Block")[1]().value() == "fast"


def test_compiled_parts_fail_as_they_would(made):
    lib = made(
        {
            "pkg/a.py": """
        try:
            from ._compiled import work
        except ImportError:
            def work(): return "python"
        class Block:
            def value(self): return work()
        """
        }
    )
    assert lib.run("pkg.a.Block")[1]().value() == "python"


def test_what_cannot_be_had_is_refused_by_name(made):
    lib = made(
        {
            "pkg/a.py": """
        from ._compiled import work
        import pkg as itself
        class Compiled:
            def value(self): return work()
        class Unknown:
            def value(self): return nowhere()
        class AsValue:
            def value(self): return getattr(itself, "x")
        """
        }
    )
    for name, missing in [
        ("Compiled", "_compiled.work"),
        ("Unknown", "nowhere"),
        ("AsValue", "pkg"),
    ]:
        with pytest.raises(Unresolvable) as caught:
            lib.extract(f"pkg.a.{name}")
        assert caught.value.name.endswith(missing)
        assert "\n" not in str(caught.value)


def test_what_only_annotates_is_not_taken(made):
    lib = made(
        {
            "pkg/config.py": "class Config: pass\nclass Other: pass",
            "pkg/a.py": """
            from typing import TYPE_CHECKING
            from .config import Config
            if TYPE_CHECKING:
                from .config import Other
            class Block:
                def value(self, config: Config, other: "Other | None" = None) -> Config:
                    return config
            """,
        }
    )
    extracted = lib.extract("pkg.a.Block")
    assert names_in(extracted.source) == {"Block"}
    assert extracted.annotations == {"Config": "pkg.config.Config", "Other": "pkg.config.Other"}
    assert lib.run("pkg.a.Block")[1]().value(3) == 3


def test_annotations_that_a_class_evaluates_are_taken(made):
    lib = made(
        {
            "pkg/a.py": """
        from typing import get_type_hints
        class Config: pass
        class Base:
            config: Config
            def __init_subclass__(cls): cls.hints = get_type_hints(cls)
        class Block(Base):
            pass
        """
        }
    )
    module, block = lib.run("pkg.a.Block")
    assert block.hints["config"] is module.Config


def test_registries_nobody_reads_are_dropped_and_others_kept(made):
    lib = made(
        {
            "pkg/registry.py": """
            SEEN = set()
            USED = {}
            def seen(cls):
                SEEN.add(cls)
                return cls
            def used(cls):
                USED[cls.__name__] = cls
                return cls
            """,
            "pkg/a.py": """
            from .registry import USED, seen, used
            @seen
            class Quiet:
                def value(self): return 1
            @used
            class Loud:
                def value(self): return USED["Loud"]
            USED["alias"] = Loud
            seen(Quiet)
            """,
        }
    )
    quiet = lib.extract("pkg.a.Quiet").source
    assert names_in(quiet) == {"Quiet"}
    assert "SEEN" not in quiet
    module, loud = lib.run("pkg.a.Loud")
    assert loud().value() is loud
    assert module.USED["alias"] is loud


def test_methods_that_nothing_calls_do_not_drag_in_what_they_need(made):
    lib = made(
        {
            "pkg/heavy.py": "class Heavy: pass",
            "pkg/base.py": """
            from .heavy import Heavy
            class Base:
                def helper(self): return 1
                def load(self): return Heavy()
                def reload(self): return self.load()
                def named(self): return Heavy
                def light(self): return 2
            """,
            "pkg/a.py": """
            from .base import Base
            class Block(Base):
                def value(self): return self.helper()
            class Reflective(Base):
                def value(self, name="named"): return getattr(self, name)()
            """,
        }
    )
    extracted = lib.extract("pkg.a.Block")
    assert "Heavy" not in extracted.source
    assert "Base.load" in extracted.source.split("from __future__")[0]
    block = lib.run("pkg.a.Block")[1]
    assert block().value() == 1
    assert block().light() == 2
    assert not hasattr(block, "reload")
    assert lib.run("pkg.a.Reflective")[1]().value().__name__ == "Heavy"


def test_the_header_says_where_it_is_from(made):
    lib = made(
        {"LICENSE": "Permission is hereby granted, free of charge", "pkg/a.py": "class B: pass"}
    )
    head = lib.extract("pkg.a.B").source.splitlines()[:4]
    assert "madelib" in head[1]
    assert head[2] == "# Licence: MIT"
    assert head[3] == "# Qualified name: pkg.a.B"


def test_the_target_is_the_last_definition(made):
    lib = made(
        {
            "pkg/a.py": """
        def before(): return Block
        class Block:
            def value(self): return before(), after()
        def after(): return Block
        """
        }
    )
    tree = ast.parse(lib.extract("pkg.a.Block").source)
    assert tree.body[-1].name == "Block"


def test_origin_modules_are_never_imported(made):
    lib = made(
        {
            "pkg/a.py": "import pkg.b\nfrom pkg import b\nclass Block:\n    v = pkg.b.X, b.X\n",
            "pkg/b.py": "X = 1",
        }
    )
    source = lib.extract("pkg.a.Block").source
    imported = [
        n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    assert [n.module for n in imported] == ["__future__"]
    assert lib.run("pkg.a.Block")[1].v == (1, 1)


def test_a_module_as_a_value_has_all_its_names(made):
    lib = made(
        {
            "pkg/a.py": "import math\nONE = 1\ndef f(): return ONE",
            "pkg/b.py": """
                from . import a
                class Block:
                    def value(self, name):
                        import pkg.a as local
                        from . import a as again
                        return getattr(a, name), hasattr(local, name), again.f(), vars(again)["f"]
                """,
        }
    )
    block = lib.run("pkg.b.Block")[1]()
    assert block.value("ONE")[:3] == (1, True, 1)
    assert block.value("math")[0].floor(1.5) == 1


def test_a_method_that_cannot_be_closed_and_is_perhaps_never_called(made):
    lib = made(
        {
            "pkg/a.py": """
                import pkg
                class Base:
                    def value(self): return 1
                    def register(self): return hasattr(pkg, "x")
                class Block(Base):
                    def use(self, other): return other.register(), self.value()
                class Sure(Base):
                    def use(self): return self.register()
                """,
        }
    )
    extracted = lib.extract("pkg.a.Block")
    assert extracted.notes == (
        "Base.register is left out: pkg: a package of the origin is used as a value",
    )
    assert not hasattr(lib.run("pkg.a.Block")[1], "register")
    with pytest.raises(Unresolvable):
        lib.extract("pkg.a.Sure")
