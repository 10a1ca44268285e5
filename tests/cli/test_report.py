"""`report`: what it writes and prints."""

import subprocess
import sys


def test_report_over_a_small_corpus(lemur2, db, tmp_path):
    out = tmp_path / "out"
    ended = lemur2("report", "--db", db, "--out", out)
    assert ended.code == 0
    assert ended.out.startswith(f"{out / 'report.html'}: ")
    assert "over 2 networks and 2 trials" in ended.out
    assert (out / "figures" / "funnel-fractal.svg").exists()
    assert (out / "tables.xlsx").exists()
    assert "3 candidates" in (out / "report.html").read_text()


def test_report_json_is_one_object(lemur2, db, tmp_path):
    (line,) = lemur2("report", "--db", db, "--out", tmp_path / "out", "--json").lines
    assert line["page"] == str(tmp_path / "out" / "report.html")
    assert (line["networks"], line["trials"]) == (2, 2)
    assert line["pictures"] > 0 < line["tables"]


def test_no_corpus_and_no_folder_are_one_line(lemur2, db, tmp_path):
    ended = lemur2("report", "--db", tmp_path / "none.db", "--out", tmp_path / "out")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    (tmp_path / "file").write_text("")
    ended = lemur2("report", "--db", db, "--out", tmp_path / "file")
    assert ended.code == 2
    assert not (tmp_path / "out").exists()


def test_statistics_need_no_torch():
    code = (
        "import sys\n"
        "import lemur2.statistics, lemur2.cli.commands.report\n"
        "heavy = {'torch', 'matplotlib', 'scipy', 'openpyxl', 'jinja2'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_missing_extra_names_the_extra(lemur2, db, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "lemur2.cli.commands.report._NEEDED", ("matplotlib", "a_package_that_is_not")
    )
    ended = lemur2("report", "--db", db, "--out", tmp_path)
    assert ended.code == 1
    assert "a_package_that_is_not" in ended.err
    assert "lemur2[report]" in ended.err
