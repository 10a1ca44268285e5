"""The hostile suite's table and its files say the same."""

import re
from pathlib import Path

import pytest

from lemur2.architecture import Architecture, Refusal, Verdict

FOLDER = Path(__file__).parents[1] / "hostile"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py")}
ROW = re.compile(r"^\| `(?P<name>\w+)` \| .+? \| (?P<verdicts>`[^|]+`) \| (?P<when>\w+)", re.M)


def test_the_table_is_complete_and_tells_what_the_files_say():
    rows = ROW.finditer((FOLDER / "README.md").read_text(encoding="utf-8"))
    table = {row["name"]: (row["verdicts"].replace("`", ""), row["when"]) for row in rows}
    heads = {
        name: re.match(r"# expect: (.+?)  when: (\w+)", text).groups()
        for name, text in FILES.items()
    }
    assert table == heads
    assert {verdict for verdicts, _ in heads.values() for verdict in verdicts.split(", ")} <= set(
        Verdict
    )


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"syntax_deep"}))
def test_an_attack_keeps_the_contract_so_that_it_gets_to_run(name):
    assert Architecture.parse(FILES[name]).digest


def test_what_cannot_be_parsed_is_refused_as_such():
    with pytest.raises(Refusal) as refused:
        Architecture.parse(FILES["syntax_deep"])
    assert refused.value.verdict is Verdict.SYNTAX
