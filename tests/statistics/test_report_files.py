"""The written report: complete, self-contained, safe against hostile names, the same twice."""

import base64
import csv
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import openpyxl
import pandas as pd
import pytest

from lemur2.corpus import Corpus
from lemur2.errors import UserError
from lemur2.statistics import write_report
from lemur2.statistics.sections import SECTIONS, Part, Section, Table
from lemur2.statistics.sections.overview import Overview
from lemur2.statistics.sections.tradeoffs import Tradeoffs
from lemur2.statistics.writing.tables import sheet_names, write_csv, write_workbook

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def report(filled, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "new" / "folder"
    with Corpus.open(filled, read_only=True) as corpus:
        return write_report(corpus, out)


class Page(HTMLParser):
    """What the page refers to, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page(report):
    parsed = Page()
    parsed.feed(report.page.read_text())
    return parsed


def test_every_picture_is_there_as_png_and_svg(report):
    figures = report.page.parent / "figures"
    pngs = {path.stem for path in figures.glob("*.png")}
    assert len(pngs) == report.pictures > 10
    assert pngs == {path.stem for path in figures.glob("*.svg")}
    for path in figures.glob("*.png"):
        assert path.read_bytes().startswith(PNG)
    for path in figures.glob("*.svg"):
        assert ET.parse(path).getroot().tag.endswith("svg")


def test_the_page_needs_nothing_beside_it(report, page):
    images = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(images) == report.pictures
    for attrs in images:
        assert attrs["alt"]
        kind, _, data = attrs["src"].partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(PNG)
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed"}
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:|//)", report.page.read_text())
    anchors = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    for tag, attrs in page.tags:
        if tag == "a":
            assert attrs["href"].removeprefix("#") in anchors


def test_every_section_is_on_the_page(page):
    text = "".join(page.text)
    for section in SECTIONS:
        assert section.title in text


def test_hostile_names_are_text(report, page, hostile):
    assert "<script>alert" in "".join(page.text)
    top10 = pd.read_csv(report.page.parent / "tables" / "best_per_network.csv")
    assert f"'{hostile}" in set(top10["nn"])


def test_workbook_holds_what_the_csv_files_hold(report):
    tables = sorted((report.page.parent / "tables").glob("*.csv"))
    assert len(tables) == report.tables
    book = openpyxl.load_workbook(report.page.parent / "tables.xlsx", data_only=False)
    assert book.sheetnames[0] == "contents"
    for path in tables:
        frame = pd.read_csv(path)
        rows = list(book[path.stem[:31]].iter_rows(values_only=True))
        assert list(rows[0]) == list(frame.columns)
        assert len(rows) - 1 == len(frame)
        for name in frame.select_dtypes("number"):
            place = frame.columns.get_loc(name)
            column = pd.Series([row[place] for row in rows[1:]], dtype=float)
            assert column.equals(frame[name].astype(float)) or (
                (column - frame[name]).abs().max() < 1e-12
            )


def test_text_in_a_workbook_is_never_a_formula(tmp_path, hostile):
    frame = pd.DataFrame({"name": ["=1+1", hostile, "\x00"], "value": [1.5, None, float("inf")]})
    write_workbook([Table(name="t", title="t", frame=frame)], tmp_path / "b.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx")["t"]
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert cells[0].value == "=1+1"
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == [1.5, None, None]


def test_sheet_names_are_cut_and_stay_unique():
    names = sheet_names(["a" * 40, "a" * 41, "a" * 31, "b"])
    assert len(set(names)) == 4
    assert max(map(len, names)) == 31


def test_flagged_networks_are_in_no_ranking_and_that_is_said(report, page):
    tables = report.page.parent / "tables"
    assert "Cheat" not in (tables / "top10.csv").read_text()
    assert "Cheat" not in (tables / "family_medians.csv").read_text()
    assert "Copy" not in (tables / "top10.csv").read_text()
    assert "1 networks marked as redundant" in "".join(page.text)
    assert "flagged because their scores are implausible" in "".join(page.text)
    assert pd.read_csv(tables / "coverage.csv")["flagged"].sum() == 1


def test_the_same_twice_but_for_the_date(report, filled, tmp_path):
    """And into a folder with an older report, whose files are replaced."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "coverage.png").write_text("old")
    (tmp_path / "mine.txt").write_text("kept")
    with Corpus.open(filled, read_only=True) as corpus:
        write_report(corpus, tmp_path, sections=[Overview, Tradeoffs])
    assert (tmp_path / "mine.txt").read_text() == "kept"
    made = [*tmp_path.glob("figures/*"), *tmp_path.glob("tables/*")]
    assert len(made) > 5
    for path in made:
        before = report.page.parent / path.relative_to(tmp_path)
        assert path.read_bytes() == before.read_bytes(), path.name


class Mine(Section):
    """A third party's section."""

    name = "mine"
    title = "Mine"

    def build(self, material):
        return Part(text=(f"{len(material.trials)} trials",))


def test_another_section_is_one_class(filled, tmp_path):
    told = []
    with Corpus.open(filled, read_only=True) as corpus:
        written = write_report(corpus, tmp_path, sections=[Mine], progress=told.append)
    assert (written.pictures, written.tables) == (0, 0)
    assert f"{written.trials} trials" in written.page.read_text()
    assert told[0] == "Mine"


def table(name: str) -> Table:
    return Table(name=name, title=name, frame=pd.DataFrame({"x": [1]}))


class Twins(Section):
    """Two tables by one name, as of data sets that differ in case."""

    name = "twins"
    title = "Twins"

    def build(self, material):
        return Part(tables=(table("t"), table("t"), table("t-2")))


def test_no_file_is_written_over_another(filled, tmp_path):
    with Corpus.open(filled, read_only=True) as corpus:
        assert write_report(corpus, tmp_path, sections=[Twins]).tables == 3
    assert len(list((tmp_path / "tables").iterdir())) == 3


def test_an_empty_corpus_is_said_to_be_empty(tmp_path):
    with (
        Corpus.open(tmp_path / "empty.db", create=True) as corpus,
        pytest.raises(UserError, match="no finished trials"),
    ):
        write_report(corpus, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_said(filled, tmp_path):
    (tmp_path / "file").write_text("")
    with (
        Corpus.open(filled, read_only=True) as corpus,
        pytest.raises(UserError, match="cannot be written"),
    ):
        write_report(corpus, tmp_path / "file")


def test_no_cell_is_a_formula(tmp_path):
    """Names as spreadsheets would compute them; numbers, negative ones too, stay what they are."""
    texts = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-1.5e3", "+2", "a=b", "-"]
    frame = pd.DataFrame({"=cmd|' /C calc'!A0": texts, "number": [-1.5] * 9 + [2.0]})
    frame["mixed"] = pd.Series([-1, "=x", None, 2.5, True, "", "y", "z", "@", "-3"], dtype=object)
    table = Table(name="made", title="=title", frame=frame)
    write_csv(table, tmp_path)
    with (tmp_path / "made.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["'=cmd|' /C calc'!A0", "number", "mixed"]
    assert [row[0] for row in rows] == [
        "'=1+1", "'+1+1", "'-1+1", "'@SUM(A1)", "'\t=1", "'\n=1", "-1.5e3", "+2", "a=b", "'-",
    ]  # fmt: skip
    assert [float(row[1]) for row in rows] == [-1.5] * 9 + [2.0]
    assert [row[2] for row in rows] == ["-1", "'=x", "", "2.5", "True", "", "y", "z", "'@", "-3"]
    write_workbook([table], tmp_path / "made.xlsx")
    for sheet in openpyxl.load_workbook(tmp_path / "made.xlsx"):
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            assert cell.data_type != "f"
    assert openpyxl.load_workbook(tmp_path / "made.xlsx")["made"]["B2"].value == -1.5


def test_texts_that_no_file_can_hold(tmp_path):
    frame = pd.DataFrame({"name": pd.Series(["\ud800", "\x1b[2J"], dtype=object)})
    table = Table(name="made", title="odd", frame=frame)
    write_csv(table, tmp_path)
    write_workbook([table], tmp_path / "made.xlsx")
    assert "\\ud800" in (tmp_path / "made.csv").read_text()
