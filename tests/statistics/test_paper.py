"""Claims of the paper: found in a corpus, compared to the digits that the paper gives."""

import math

import pytest

from lemur2.statistics.paper import CLAIMS, Claim, compare


def claim(paper: str, value: float | None, why: str = "because") -> Claim:
    return Claim(
        topic="t",
        statement="s",
        where="w",
        paper=paper,
        unit="%",
        measure=lambda material: value,
        measured="m",
        why=why,
    )


@pytest.mark.parametrize(
    ("paper", "value", "same"),
    [
        ("62.76", 62.7649, True),
        ("62.76", 62.77, False),
        ("0.2751", 0.27513, True),
        ("90", 90.27, True),
        ("53.1", 47.5, False),
    ],
)
def test_same_to_the_digits_given(material, paper, value, same):
    row = compare(material, [claim(paper, value)]).iloc[0]
    assert (row["same"] == "yes") is same
    assert (row["why"] == "") is same
    assert row["difference"] == pytest.approx(value - float(paper))


def test_what_a_corpus_has_not_is_left_out(material):
    assert compare(material, [claim("1", None), claim("1", math.nan)]).empty


def test_every_claim_is_a_number_with_a_place_and_reads_any_corpus(material):
    statements = [item.statement for item in CLAIMS]
    assert len(set(statements)) == len(statements)
    for item in CLAIMS:
        assert float(item.paper) > 0
        assert item.where
    table = compare(material, CLAIMS).set_index("statement")
    # What the small corpus has: nine few-shot networks, FractalNet and ga on cifar-10.
    assert table.loc["networks made from n examples: alt-nn3", "corpus"] == 3
    trials = material.ranked
    fractal = trials[(trials["family"] == "FractalNet") & (trials["dataset"] == "cifar-10")]
    best = table.loc["FractalNet on CIFAR-10, best after 5 epochs", "corpus"]
    assert best == pytest.approx(fractal["best"].max() * 100)
    first = table.loc["Basic Architecture champion on CIFAR-10 after one epoch", "corpus"]
    ga = trials[(trials["family"] == "ga") & (trials["dataset"] == "cifar-10")]
    assert first == pytest.approx(ga["first"].max() * 100)
    assert "MoEv7 on CIFAR-10, peak accuracy" not in table.index
