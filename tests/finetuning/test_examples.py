import pytest

from lemur2.corpus import Corpus
from lemur2.errors import UserError
from lemur2.finetuning.examples import Example, Wish, examples, fitting, known_networks


@pytest.fixture
def known(corpus_file):
    with Corpus.open(corpus_file, read_only=True) as corpus:
        return known_networks(corpus, 32)


def test_what_is_known_is_what_works_at_the_input(known):
    assert "wide" not in known
    assert known["a4"].shape == (3, 32, 32)
    assert known["a4"].best == {"cifar-10": 0.5, "mnist": 0.5}


def test_an_example_asks_for_what_the_network_has(curated, known):
    found = {each.nn: each for each in examples(curated, "train", known)}
    assert {"a4", "b18", "long"} <= found.keys()
    assert "blind" not in found
    assert "wide" not in found
    one = found["a4"]
    assert "Classes: 10" in one.prompt
    assert "Accuracy: 0.50" in one.prompt
    grey = "Data set: mnist" in one.prompt
    assert ("1x32x32" if grey else "3x32x32") in one.prompt
    assert "nn.Conv2d(in_shape[1], 4, 3)" in one.completion


def test_the_same_seed_gives_the_same_examples(curated, known):
    assert list(examples(curated, "train", known)) == list(examples(curated, "train", known))
    others = [list(examples(curated, "train", known, seed=seed)) for seed in range(6)]
    assert any(other != others[0] for other in others)


def lengths(texts):
    return [len(text) for text in texts]


def test_families_come_in_turn_where_asked():
    found = [
        Example(nn=f"{family}{n}", family=family, prompt="", completion="x" * n)
        for family, count in (("a", 20), ("b", 3))
        for n in range(1, count + 1)
    ]
    chosen = fitting(found, lengths, most=10, wanted=7, balanced=True)
    assert [each.family for each in chosen].count("b") == 3
    assert all(len(each.completion) <= 10 for each in chosen)
    assert len(fitting(found, lengths, most=10)) == 13
    assert sorted(fitting(found, lengths, most=99), key=str) == sorted(found, key=str)
    some = [fitting(found, lengths, most=99, wanted=7, seed=seed) for seed in range(30)]
    share = sum(each.family == "b" for chosen in some for each in chosen) / (30 * 7)
    assert 0.05 < share < 0.25  # 3 of 23


def test_a_template_of_ones_own(tmp_path):
    template = tmp_path / "mine.jinja"
    template.write_text("{{ height }} for {{ dataset }}")
    wish = Wish(shape=(1, 28, 28), classes=10, dataset="mnist-5k")
    assert wish.prompt(template) == "28 for mnist-5k"
    assert "Accuracy" not in wish.prompt()


@pytest.mark.parametrize(
    ("text", "says"), [("{{ nothing }}", "Jinja"), ("{% if %}", "Jinja"), (None, "cannot read")]
)
def test_a_template_that_does_not_work(tmp_path, text, says):
    template = tmp_path / "bad.jinja"
    if text is not None:
        template.write_text(text)
    with pytest.raises(UserError, match=says):
        Wish(shape=(1, 28, 28), classes=10).prompt(template)


def test_a_folder_that_nobody_curated(tmp_path, known):
    with pytest.raises(UserError, match="lemur2 curate"):
        list(examples(tmp_path, "train", known))
    (tmp_path / "train.jsonl").write_text('{"nn": "x"}\n')
    with pytest.raises(UserError, match="lemur2 curate"):
        list(examples(tmp_path, "train", known))
