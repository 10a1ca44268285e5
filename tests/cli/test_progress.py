"""How far a command is: from the first second, with a rate and the time left."""

import io
import re
import time

import pytest

from lemur2.cli.progress import Progress, status


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (("screening", 1.0, 0, 0, 300), "screening 0 of 300, 1 s"),
        (("screening", 10.0, 100, 0, 300), "screening 100 of 300, 10.0/s, 20 s left"),
        (("screening", 10.0, 100, 100, 300), "screening 200 of 300, 10.0/s, 10 s left"),
        (("screening", 10.0, 200, 100, 300), "screening 300 of 300, 20.0/s"),
        (("epoch", 120.0, 1, 0, 50), "epoch 1 of 50, 30.0/h, 1 h 38 min left"),
        (("networks", 4.0, 2000, 0, 10_459), "networks 2,000 of 10,459, 500/s, 17 s left"),
        (("rows", 2.0, 30, 0, 0), "rows 30, 15.0/s"),
        (("reading the corpus", 7.2, 0, 0, 0), "reading the corpus, 7 s"),
    ],
)
def test_a_line(said, shown):
    assert status(*said) == shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def wait_for(stream: io.StringIO, words: str) -> None:
    deadline = time.monotonic() + 30
    while words not in stream.getvalue():
        assert time.monotonic() < deadline, stream.getvalue()
        time.sleep(0.01)


def test_a_terminal_shows_it_at_once_and_as_time_passes(monkeypatch):
    """Nothing is done, and still the line lives."""
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    with Progress() as progress:
        progress.show("screening", 0, 300)
        assert "screening 0 of 300, 0 s" in terminal.getvalue()
        wait_for(terminal, "screening 0 of 300, 1 s")
        progress.show("screening", 1, 300, "1 ok, and much more that one would like to know")
    lines = re.split(r"\r\x1b\[K", terminal.getvalue())
    assert max(map(len, lines)) < 40
    assert lines[-1] == ""  # it is gone at the end


def test_a_pipe_gets_lines(monkeypatch):
    monkeypatch.setattr("sys.stderr", pipe := io.StringIO())
    with Progress() as progress:
        progress.show("screening", 0, 300)
        time.sleep(1.3)
        assert pipe.getvalue() == ""  # there is no rate yet: what fails now is one line
        progress.show("screening", 1, 300)
        wait_for(pipe, "\n")
    assert re.fullmatch(r"screening 1 of 300, [\d.]+/\w+, .* left\n", pipe.getvalue())


def test_a_new_piece_of_work_has_a_rate_of_its_own():
    with Progress("reading the corpus") as progress:
        progress.show("comparing", 50, 100)
        assert progress.line().startswith("comparing 50 of 100, 0 s")
        progress.show("comparing", 51, 100)
        assert re.fullmatch(r"comparing 51 of 100, [\d,.]+/\w+, .* left", progress.line())
