"""Generators by name, built in and installed."""

import subprocess
import sys

import pytest

from lemur2.errors import UsageError, UserError
from lemur2.generators import generator_class, generator_names
from lemur2.generators.fractal import FractalGenerator


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a distribution with entry points for generators, as pip would lay it out."""

    def make(entries: str, code: str = "") -> None:
        info = tmp_path / "third_party-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[lemur2.generators]\n{entries}\n")
        (tmp_path / "third_party_generators.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "third_party_generators", raising=False)

    return make


def test_the_built_in_ones_are_there():
    assert "fractal" in generator_names()
    assert generator_class("fractal") is FractalGenerator


def test_a_misspelt_name_is_answered_with_a_close_one():
    with pytest.raises(UsageError, match="did you mean fractal"):
        generator_class("fractals")


def test_an_unknown_name_is_answered_with_all():
    with pytest.raises(UsageError, match=r"there are .*fractal"):
        generator_class("zzz")


def test_an_installed_package_brings_one(install):
    install(
        "mine = third_party_generators:Mine",
        "from lemur2.generators.fractal import FractalGenerator\n"
        "class Mine(FractalGenerator):\n    name = 'mine'\n",
    )
    assert {"fractal", "mine"} <= set(generator_names())
    assert generator_class("mine").name == "mine"


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ("mine = third_party_generators:Missing", ""),
        ("mine = third_party_generators:Mine", "import no_such_module_anywhere"),
        ("mine = third_party_generators:Mine", "Mine = 3"),
    ],
)
def test_what_is_wrong_with_an_installed_one_is_one_line_naming_it(install, entries, code):
    install(entries, code)
    with pytest.raises(UserError, match="third_party_generators") as caught:
        generator_class(entries.split()[0])
    assert "\n" not in str(caught.value)


def test_a_built_in_name_keeps_its_class(install):
    install("fractal = third_party_generators:Mine", "class Mine: ...")
    assert generator_class("fractal") is FractalGenerator
    assert generator_names().count("fractal") == 1


def test_the_registry_imports_no_torch():
    code = "import sys, lemur2.generators; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
