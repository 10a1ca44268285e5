"""Names from outside, as parts of paths."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.errors import UserError
from lemur2.llm.prompting import render
from lemur2.paths import LONGEST_NAME, NoFileName, inside, is_name


@given(st.text(max_size=300) | st.sampled_from(["..", "a/../../b", "/etc", "x\0", "\ud800"]))
def test_no_name_leaves_its_folder(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    try:
        path = inside(folder, name, ".py")
    except NoFileName:
        return
    assert os.path.normpath(path) == str(path)
    assert path.parent == folder
    assert len(os.fsencode(path.name)) <= 255


@pytest.mark.parametrize("name", ["ResNet18", "ast-dimension-AlexNet", "text:shakespeare", "Größe"])
def test_ordinary_names(tmp_path, name):
    assert is_name(name)
    assert inside(tmp_path, name, ".py") == tmp_path / f"{name}.py"


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "a/b", " a", "a\n", "__init__", 3, None])
def test_what_is_no_name(name):
    assert not is_name(name)
    assert not is_name("n" * (LONGEST_NAME + 1))


def test_the_longest_names(tmp_path):
    """Of names the characters count, of files the bytes."""
    assert is_name("n" * LONGEST_NAME)
    assert not is_name("n" * (LONGEST_NAME + 1))
    longest = "ß" * 126
    assert inside(tmp_path, longest, ".py").name == f"{longest}.py"
    with pytest.raises(NoFileName, match="no file may be called"):
        inside(tmp_path, f"{longest}n", ".py")


def test_a_template_reaches_nothing_but_its_values(tmp_path):
    template = tmp_path / "mine.jinja"
    template.write_text("{{ cycler.__init__.__globals__.os.getcwd() }}")
    with pytest.raises(UserError, match="unsafe"):
        render("network", template)
