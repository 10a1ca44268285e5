"""The whole comparison, by the tiny model and by hand-written replies."""

import json
import random
import re

import pytest
from click.testing import CliRunner
from conftest_nets import NETWORK, reordered

from lemur2.cli.group import main
from lemur2.corpus import Corpus
from lemur2.errors import UsageError
from lemur2.evaluation import Protocol
from lemur2.evaluation.plan import Plan
from lemur2.finetuning.arms import Arm, judge, write_judged
from lemur2.finetuning.compare import Comparison, compare, wish_for
from lemur2.finetuning.novelty import Seen, corpus_digests
from lemur2.llm import Reply, Sampling


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits"))


@pytest.fixture(scope="module")
def known(corpus_file, tmp_path_factory):
    cache = tmp_path_factory.mktemp("digests") / "digests.json"
    with Corpus.open(corpus_file, read_only=True) as corpus:
        first = corpus_digests(corpus, cache)
        assert corpus_digests(corpus, cache) == first == corpus_digests(corpus)
    return first


def test_the_corpus_is_not_new_in_any_order(corpus_file, known):
    with Corpus.open(corpus_file, read_only=True) as corpus:
        source = corpus.source("a4")
    assert Seen(known).repeats(source) == "corpus"
    assert Seen(known).repeats(reordered(source, random.Random(1))) == "corpus"
    assert Seen(known).repeats("# a comment\n" + source) == "corpus"
    fresh = Seen(known)
    assert fresh.repeats(source.replace("4", "44")) == ""
    assert fresh.repeats(reordered(source.replace("4", "44"), random.Random(1))) == "run"


def test_every_reply_gets_its_verdict(corpus_file, known, plan, engine, tmp_path):
    with Corpus.open(corpus_file, read_only=True) as corpus:
        old = corpus.source("a4")
    texts = {
        NETWORK: ("ok", ""),
        f"Here it is:\n```python\n{NETWORK}```\nEnjoy!": ("ok", "run"),
        old: ("ok", "corpus"),
        NETWORK.replace("in_shape[1], 8", "in_shape[1], 7"): ("shape", ""),
        NETWORK.replace("nn.Conv2d", "nn.Conf2d"): ("build", ""),
        NETWORK.replace("def forward", "def backward"): ("contract", ""),
        "I cannot do that.": ("syntax", ""),
    }
    arm = Arm(model="m", adapter=None, way="whole", sampling=Sampling(temperature=1.0))
    requests = arm.requests(wish_for(plan, None), range(len(texts)))
    replies = [Reply(text=text, finish="stop") for text in texts]
    found = list(judge(arm, list(zip(requests, replies, strict=True)), known, plan, engine))
    told = [(each.verdict, each.repeats) for each in found]
    assert told == list(texts.values())
    write_judged(found, tmp_path / "arm")
    assert [file.stem for file in (tmp_path / "arm").glob("*.py")] == [found[0].name]


def test_a_partial_network_is_put_together(known, plan, engine):
    arm = Arm(model="m", adapter=None, way="partial", sampling=Sampling(temperature=1.0))
    rest = """
        self.layers = nn.Sequential(nn.Flatten(), nn.LazyLinear(5), nn.Linear(5, out_shape[0]))

    def forward(self, x):
        return self.layers(x)
"""
    request = arm.requests(wish_for(plan, None), [0])[0]
    assert request.messages[-1].content == arm.beginning
    (found,) = judge(arm, [(request, Reply(text=rest))], known, plan, engine)
    assert (found.verdict, found.repeats) == ("ok", ""), found.reason


def test_the_wish_is_what_the_network_will_get(plan):
    wish = wish_for(plan, 0.9)
    assert (wish.shape, wish.classes, wish.dataset) == ((1, 32, 32), 10, "digits")


def test_an_untouched_model_and_a_tuned_one_are_asked_the_same():
    comparison = Comparison(
        model="m", adapter="a", ways=("whole", "partial"), samplings=(Sampling(temperature=0.8),)
    )
    plain, tuned = comparison.arms[:2], comparison.arms[2:]
    assert [arm.name for arm in plain] == ["untouched-whole-t0.8", "untouched-partial-t0.8"]
    wish = wish_for(Plan.of(Protocol(dataset="digits")), None)
    for before, after in zip(plain, tuned, strict=True):
        assert before.requests(wish, range(3)) == after.requests(wish, range(3))


def test_a_comparison_goes_on_from_its_replies(tiny, known, plan, engine, tmp_path, monkeypatch):
    monkeypatch.setattr("lemur2.finetuning.arms._LONGEST", {"whole": 30})
    comparison = Comparison(
        model=str(tiny),
        adapter=tmp_path,
        ways=("whole",),
        samplings=(Sampling(temperature=1.0),),
        count=3,
    )
    monkeypatch.setattr(Comparison, "arms", property(lambda self: _plain(self)))
    report = compare(comparison, plan, known, engine, tmp_path / "out")
    (arm,) = report["arms"].values()
    assert [stage["n"] for stage in arm["stages"]] == [3] * 6
    replies = (tmp_path / "out" / "replies.jsonl").read_bytes()
    again = compare(comparison, plan, known, engine, tmp_path / "out")
    assert again["arms"] == report["arms"]
    assert (tmp_path / "out" / "replies.jsonl").read_bytes() == replies
    assert "untouched-whole-t1" in (tmp_path / "out" / "report.md").read_text()
    lines = (tmp_path / "out" / "untouched-whole-t1" / "candidates.jsonl").read_text().splitlines()
    assert [json.loads(line)["seed"] for line in lines] == [0, 1, 2]


def test_a_grammar_is_for_an_untouched_file():
    settings = {"adapter": "a", "ways": ("grammar",), "samplings": (Sampling(temperature=1.0),)}
    (arm,) = Comparison(model="m.gguf", **settings).arms
    assert (arm.adapter, arm.way) == (None, "grammar")
    with pytest.raises(UsageError, match="grammar"):
        Comparison(model="folder", **settings)
    with pytest.raises(UsageError, match="grammar"):
        Comparison(model="m.gguf", before=False, **settings)


def _plain(comparison):
    sampling = comparison.samplings[0]
    return [Arm(model=comparison.model, adapter=None, way="whole", sampling=sampling)]


def test_what_the_grammar_allows_works(known, plan, engine):
    """The longest and the shortest of it, and one of each alternative."""
    arm = Arm(model="m.gguf", adapter=None, way="grammar", sampling=Sampling(temperature=1.0))
    request = arm.requests(wish_for(plan, None), [0])[0]
    assert "root ::=" in request.sampling.grammar
    texts = [derive(request.sampling.grammar, random.Random(seed)) for seed in range(8)]
    replies = [(request, Reply(text=text)) for text in texts]
    found = list(judge(arm, replies, known, plan, engine))
    assert [each.verdict for each in found] == ["ok"] * 8, [each.reason for each in found]
    assert len({each.structure for each in found}) == 8


def derive(grammar, random):
    """A text of the grammar, drawn: enough of GBNF for the one that we ship."""
    lines = [line for line in grammar.splitlines() if line and not line.startswith("#")]
    rules = dict(line.split(" ::= ", 1) for line in lines)
    part = re.compile(
        r'"(?P<text>(?:[^"\\]|\\.)*)"|\[(?P<set>\d-\d)\]|(?P<name>[a-z]+)|\((?P<group>[^()]*)\)'
    )

    def expand(rule):
        rule = random.choice(alternatives(rule))
        text, at = "", 0
        while match := part.search(rule, at):
            at = match.end()
            most = re.match(r"\{(\d),(\d+)\}|\?", rule[at:])
            times = 1
            if most is not None:
                at += most.end()
                times = random.randint(int(most[1] or 0), int(most[2] or 1))
            text += "".join(one(match) for _ in range(times))
        return text

    def one(match):
        if match["text"] is not None:
            return match["text"].encode().decode("unicode_escape")
        if match["set"]:
            low, high = match["set"].split("-")
            return str(random.randint(int(low), int(high)))
        return expand(match["group"] or rules[match["name"]])

    def alternatives(rule):
        found, depth, quoted = [""], 0, False
        for char in rule:
            quoted ^= char == '"'
            depth += 0 if quoted else (char == "(") - (char == ")")
            if char == "|" and not depth and not quoted:
                found.append("")
            else:
                found[-1] += char
        return found

    return expand(rules["root"])


@pytest.mark.parametrize("verb", ["finetune", "finetune-eval"])
def test_help_teaches(verb):
    told = CliRunner().invoke(main, [verb, "--help"])
    assert told.output.count(f"lemur2 {verb} ") >= 2
