"""Prompted transforms: what is asked, and what becomes of replies. The model is a scripted deck."""

from pathlib import Path

import pytest

from lemur2.architecture import Candidate, Refusal
from lemur2.errors import UsageError, UserError
from lemur2.generators.prompted import PromptedConfig, PromptedGenerator
from lemur2.generators.prompted.generator import WAYS
from lemur2.generators.prompted.grammar import composition_grammar
from lemur2.generators.transforms.operations import operations
from lemur2.llm import Message, Reply, Request, Sampling, render
from lemur2.llm.record import Record

SCRIPTED = Path(__file__).parent / "prompted/scripted.jsonl"


def asked(count, seed=0, **config):
    generator = PromptedGenerator(PromptedConfig(**{"llm": f"deck:{SCRIPTED}", **config}), seed)
    try:
        return list(generator.ask(count))
    finally:
        generator.close()


def deck(folder, *texts):
    """A record whose replies are these, dealt out in order for seed 0."""
    path = folder / "deck.jsonl"
    record = Record(path)
    for number, text in enumerate(texts):
        wish = Request(messages=(Message("user", str(number)),), sampling=Sampling(seed=number))
        record.add("m", wish, Reply(text=text, model="m"))
    return f"deck:{path}"


def test_the_ways_of_prompting_take_turns():
    found = asked(8)
    assert [each.parameters["prompting"] for each in found] == [*WAYS, *WAYS]
    assert [each.prefix for each in found[:2]] == ["prompted-zero-shot", "prompted-role"]
    assert all(each.parents == ("ResNet18",) and each.kind == "transform" for each in found)


def test_each_way_has_its_own_words_and_the_base_where_it_is_modified():
    prompts = {each.parameters["prompting"]: each.prompt for each in asked(4, side=48)}
    assert len(set(prompts.values())) == 4
    assert all("Resize((48, 48))" in prompt for prompt in prompts.values())
    assert "RandomHorizontalFlip" in prompts["chain-of-thought"]
    assert "RandomHorizontalFlip" not in prompts["zero-shot"]


def test_a_file_can_be_the_base(tmp_path):
    base = tmp_path / "mine.py"
    base.write_text("def transform(norm):\n    return mine\n")
    (found,) = asked(1, base=str(base), prompting=("chain-of-thought",))
    assert "return mine" in found.prompt


def test_text_that_is_no_transform_is_a_candidate_that_the_loop_refuses(tmp_path):
    llm = deck(tmp_path, "I cannot help with that.", "```python\ndef transform(norm:\n```", "")
    found = asked(3, llm=llm, repairs=0)
    assert all(each.parameters["refused"] for each in found)
    for each in found:
        with pytest.raises(Refusal):
            each.parse()


def test_a_repair_is_asked_for(tmp_path):
    broken = "```python\ndef transform():\n    return 1\n```"
    (found,) = asked(1, llm=deck(tmp_path, broken), repairs=2)
    assert found.parameters["repairs"] == 2


def test_a_beginning_is_part_of_the_file(tmp_path):
    llm = deck(
        tmp_path, "        transforms.ToTensor(),\n        transforms.Normalize(*norm),\n    ])\n"
    )
    (found,) = asked(1, llm=llm, mode="continue", repairs=0)
    assert found.source.startswith("from torchvision import transforms\n")
    assert found.parse().name == f"prompted-zero-shot-{found.parse().name[-32:]}"


def test_the_grammar_has_every_operation_on_images():
    known = operations(28)
    grammar = composition_grammar(known.values(), 32)
    for name, operation in known.items():
        assert (f'"{name}(' in grammar) != operation.takes_tensors
    assert "Resize((32, 32))" in grammar
    defined = {line.split(" ::= ")[0] for line in grammar.splitlines()}
    used = {word.strip("()?") for word in grammar.split() if word.startswith("values")}
    assert used <= defined


@pytest.mark.parametrize("way", WAYS)
def test_prompts_can_be_rendered_with_what_they_say_that_they_take(way):
    text = render(f"transforms-{way}", side=32, size=28, base="x = 1")
    assert "transform(norm)" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompting": ("loud",)},
        {"prompting": ()},
        {"mode": "half"},
        {"side": 0},
        {"base": "nosuch"},
    ],
)
def test_a_wrong_configuration_is_refused(wrong):
    with pytest.raises(UsageError):
        PromptedConfig(**wrong)


def test_a_model_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no record"):
        asked(1, llm=f"deck:{tmp_path / 'nosuch.jsonl'}")


def test_candidates_are_values():
    assert isinstance(asked(1)[0], Candidate)
