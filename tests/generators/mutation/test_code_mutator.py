"""Edits change what they name, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.generators.mutation import CodeMutator, Edit

LINES = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), min_size=1)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_everything_around_an_edit_stays(lines, end, data):
    number = data.draw(st.integers(0, len(lines) - 1))
    line = lines[number]
    start = data.draw(st.integers(0, len(line)))
    stop = data.draw(st.integers(start, len(line)))
    columns = [len(line[:at].encode()) for at in (start, stop)]
    edit = Edit((number + 1, columns[0], number + 1, columns[1]), "NEW")
    changed = [*lines]
    changed[number] = f"{line[:start]}NEW{line[stop:]}"
    assert CodeMutator(end.join(lines)).apply([edit]) == end.join(changed)


def test_new_lines_end_as_the_others_do():
    edit = Edit((2, 0, 2, 0), "b\nc\n")
    assert CodeMutator("a\r\nd\r\n").apply([edit]) == "a\r\nb\r\nc\r\nd\r\n"


def test_edits_in_one_place_are_refused():
    edits = [Edit((1, 0, 1, 3), "x"), Edit((1, 1, 1, 2), "y")]
    with pytest.raises(ValueError, match="overlap"):
        CodeMutator("abcd").apply(edits)
