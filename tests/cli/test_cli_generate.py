"""`lemur2 generate` adds to a folder and takes nothing away."""

import json

from click.testing import CliRunner

from lemur2.cli.commands.generate import generate


def generated(folder, seed, count=5):
    arguments = ["transforms", "-n", str(count), "--seed", str(seed), "--out", str(folder)]
    ended = CliRunner().invoke(generate, arguments)
    assert ended.exit_code == 0, ended.output
    lines = (folder / "candidates.jsonl").read_text().splitlines()
    return [json.loads(line)["name"] for line in lines]


def test_earlier_output_stays(tmp_path):
    first = generated(tmp_path, 0)
    both = generated(tmp_path, 1)
    assert both[:5] == first
    assert len(set(both)) == 10
    assert {path.stem for path in tmp_path.glob("*.py")} == set(both)


def test_the_same_again_is_listed_once(tmp_path):
    assert generated(tmp_path, 0) == generated(tmp_path, 0)


def test_a_line_that_a_kill_cut_short_is_written_again(tmp_path):
    whole = generated(tmp_path, 0)
    index = tmp_path / "candidates.jsonl"
    index.write_text(index.read_text()[:-40])
    assert generated(tmp_path, 0) == whole


def test_fewer_than_asked_is_said(tmp_path):
    arguments = ["genetic", "-n", "5", "--population", "3", "--out", str(tmp_path)]
    ended = CliRunner().invoke(generate, arguments)
    assert "no more than 3 of 5" in ended.output
    assert len(list(tmp_path.glob("*.py"))) == 3
