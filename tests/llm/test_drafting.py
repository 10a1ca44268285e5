"""From requests to files: extraction, repair in rounds, and what is given up."""

import dataclasses

import pytest
from dirty import GOOD, OTHER, fenced
from server import MODEL, Server, says

from lemur2.errors import UsageError, UserError
from lemur2.llm import NETWORK, Client, Message, Request, Sampling, draft, fit, prompt_names, render
from lemur2.llm.backends.openai import OpenAIBackend

FIXED = dataclasses.replace(NETWORK, hyperparameters=("lr", "momentum"))
BROKEN = GOOD.replace("def forward(self, x):", "def forward(self, x)")


def ask(seed=0, **sampling):
    return Request(
        messages=(Message("user", "a network, please"),), sampling=Sampling(seed=seed, **sampling)
    )


def drafts(script, requests=None, context=None, **settings):
    with Server(script, context=context) as server:
        with Client(OpenAIBackend(server.url, MODEL), concurrency=1) as client:
            return draft(client, requests or [ask()], FIXED, **settings), server.asked


def test_a_good_reply_needs_no_repair():
    [made], asked = drafts([says(f"Sure!\n{fenced(GOOD)}")])
    assert (made.source, made.refusal, made.repairs, len(asked)) == (GOOD, None, 0, 1)
    assert made.steps == ("extracted",)
    assert made.keys == (ask().key,)
    assert made.prompt == "[user]\na network, please"


def test_a_broken_file_goes_back_with_its_error():
    [made], asked = drafts([says(fenced(BROKEN)), says(fenced(GOOD))])
    assert (made.source, made.refusal, made.repairs) == (GOOD, None, 1)
    said = asked[1]["messages"][0]["content"]
    assert "expected ':'" in said
    assert BROKEN.strip() in said
    assert (made.prompt_tokens, made.completion_tokens) == (14, 6)


def test_after_two_repairs_it_is_given_up_with_the_reason():
    [made], asked = drafts([says(fenced(BROKEN))])
    assert len(asked) == 3
    assert made.source == BROKEN
    assert "expected ':'" in str(made.refusal)
    assert len(set(made.keys)) == 3
    assert len({body["seed"] for body in asked}) == 3


@pytest.mark.parametrize("repairs", [0, 1])
def test_repairs_are_as_many_as_one_likes(repairs):
    [made], asked = drafts([says(fenced(OTHER))], repairs=repairs)
    assert (made.repairs, len(asked)) == (repairs, repairs + 1)
    assert "no class Net" in str(made.refusal)


def test_nothing_cannot_be_repaired():
    [made], asked = drafts([says("")])
    assert len(asked) == 1
    assert "empty" in str(made.refusal)


def test_only_what_is_broken_is_repaired():
    script = [says(GOOD), says(BROKEN), says(GOOD), says(GOOD)]
    made, asked = drafts(script, [ask(1), ask(2), ask(3)])
    assert [each.repairs for each in made] == [0, 1, 0]
    assert [each.refusal for each in made] == [None] * 3
    assert len(asked) == 4


def test_a_repair_that_the_context_has_no_room_for_is_not_asked():
    [made], asked = drafts([says(BROKEN)], [ask(max_tokens=600)], context=700)
    assert len(asked) == 1
    assert made.refusal is not None


def test_a_part_gets_its_tail_and_loses_a_line_that_was_cut_off():
    head, tail = GOOD.split("        return self.head(x)\n")
    tail = "        return self.head(x)\n" + tail
    [made], _ = drafts([says(f"{head}        y = nn.Mod", finish="length")], tail=tail)
    assert (made.source, made.refusal) == (GOOD, None)


def test_a_reply_gets_what_the_context_leaves():
    with Server([says("x")], context=600) as server:
        with Client(OpenAIBackend(server.url, MODEL)) as client:
            used = client.count(ask().messages)
            fitted = fit(client, ask(max_tokens=4000), least=512)
            assert fitted.sampling.max_tokens == 600 - used
            assert fit(client, ask(max_tokens=16)).sampling.max_tokens == 16
            assert fit(client, ask(max_tokens=4000), least=601) is None


@pytest.mark.parametrize("name", prompt_names())
def test_every_prompt_says_what_it_is_for(name):
    from lemur2.llm import prompt_text

    assert prompt_text(name).startswith(("{# ", "# "))


def test_a_changed_copy_is_used(tmp_path):
    copy = tmp_path / "mine.jinja"
    copy.write_text("Mend {{ kind }}: {{ error }}\n{{ code }}")
    assert render("repair", copy, kind="this", error="e", code="<c>") == "Mend this: e\n<c>\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("{{ nothing }}", "nothing"), ("{% if %}", "line 1"), (b"\xff\xfe", "cannot read")],
)
def test_a_template_that_is_none(tmp_path, text, complaint):
    copy = tmp_path / "mine.jinja"
    copy.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=complaint) as error:
        render("repair", copy, kind="", error="", code="")
    assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match="there are"):
        render("no such prompt")
