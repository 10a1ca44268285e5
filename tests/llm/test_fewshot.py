"""Few-shot prompting against a scripted server: prompts, names, cuts, resume, mistakes."""

import json
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from dirty import GOOD, OTHER, fenced
from server import MODEL, Server, busy, says

from lemur2.architecture import Verdict, canonical_digest, whitespace_md5
from lemur2.cli import main
from lemur2.corpus import Corpus, Epoch
from lemur2.corpus.pool import Pool
from lemur2.errors import UsageError, UserError
from lemur2.generators.fewshot import FewShotConfig, FewShotGenerator
from lemur2.generators.fewshot.examples import STRATEGIES, Examples
from lemur2.generators.fewshot.fitting import condensed
from lemur2.llm.drafting import LEAST_REPLY
from lemur2.llm.record import exchanges
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation
from lemur2.retrieval.values import Block, Extracted

TASK = "img-classification"


def network(width, note=""):
    """A network of its own: GOOD, some comments, another width."""
    return GOOD.replace("16", str(width)).replace("class Net", f"# {note}\nclass Net")


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Three families of eight networks each; a network's score is its number / 100."""
    with Corpus.open(tmp_path_factory.mktemp("corpus") / "c.db", create=True) as corpus:
        for number in range(1, 25):
            family = "abc"[number % 3]
            source = network(number, "note " * 40)
            name = f"{family}-{whitespace_md5(source)}"
            corpus.add_architecture(name=name, source=source, digest=canonical_digest(source))
            trial = corpus.begin_trial(
                name,
                task=TASK,
                dataset="digits",
                metric="acc",
                transform="norm",
                hyperparameters={"lr": 0.01},
                seed=0,
                environment={},
            )
            score = number / 100
            corpus.add_epoch(trial, Epoch(epoch=1, score=score, loss=1.0, seconds=1.0, memory=1))
            corpus.finish_trial(trial, Verdict.OK)
        yield Pool(corpus, task=TASK, dataset="digits")


def distinct(body):
    """A network that is another one for every seed."""
    return says(f"Here:\n{fenced(network(1000 + body['seed'] % 500))}")


def generator_of(server, pool=None, seed=0, record="", **config):
    url = f"openai:{server.url}#{MODEL}"
    made = FewShotGenerator(FewShotConfig(llm=url, record=str(record), **config), seed)
    if pool is not None:
        made.meet(pool)
    return made


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_an_error_rate_is_not_called_an_accuracy(error_rate, tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        source = network(7)
        corpus.add_architecture(name="A", source=source, digest=canonical_digest(source))
        trial = corpus.begin_trial(
            "A",
            task=TASK,
            dataset="digits",
            metric=error_rate,
            transform="norm",
            hyperparameters={"lr": 0.01},
            seed=0,
            environment={},
        )
        corpus.add_epoch(trial, Epoch(epoch=1, score=0.25, loss=1.0, seconds=1.0, memory=1))
        corpus.finish_trial(trial, Verdict.OK)
        with Server(choose=distinct) as server:
            made = generator_of(server, Pool(corpus, task=TASK), examples=0)
            [candidate] = made.ask(1)
            made.close()
    assert candidate.parents == ("A",)
    assert candidate.parameters["accuracies"] == [None]
    assert "MAIN MODEL (accuracy not measured)" in server.asked[0]["messages"][0]["content"]


@pytest.mark.parametrize("count", range(7))
def test_the_prompt_is_the_papers(pool, count):
    with Server(choose=distinct) as server:
        made = generator_of(server, pool, examples=count)
        [candidate] = made.ask(1)
        made.close()
    said = server.asked[0]["messages"][0]["content"]
    main_name, *others = candidate.parents
    assert len(others) == count
    assert said.startswith("CREATE an IMPROVED neural network by combining the best elements")
    assert re.findall(r"SUPPORTING MODEL (\d+) \(", said) == [str(n + 1) for n in range(count)]
    for name in candidate.parents:
        member = pool.by_name[name]
        assert f"accuracy: {100 * member.score:.2f}%):\n```python\n{pool.source(name)}" in said
    assert f"MAIN MODEL (current accuracy: {100 * pool.by_name[main_name].score:.2f}%)" in said
    for rule in ("train_setup(self, prm)", "learn(self, train_data)", "{'lr', 'momentum'}"):
        assert rule in said
    assert said in candidate.prompt
    assert candidate.prefix == f"alt-nn{count}"
    assert candidate.parameters["accuracies"] == [pool.by_name[n].score for n in candidate.parents]
    assert server.asked[0]["temperature"] == 0.6


def test_candidates_are_linked_to_their_requests(pool, tmp_path):
    record = tmp_path / "r.jsonl"
    with Server([says(fenced(OTHER)), says(fenced(GOOD))]) as server:
        made = generator_of(server, pool, record=record)
        [candidate] = made.ask(1)
        made.close()
    keys = [request.key for _, request, _ in exchanges(record)]
    links = [json.loads(line) for line in record.read_text().splitlines() if "candidate" in line]
    name = f"alt-nn1-{whitespace_md5(GOOD)}"
    assert links == [{"kind": "candidate", "name": name, "keys": keys}]
    assert candidate.parameters["requests"] == keys
    assert (candidate.source, candidate.parameters["repairs"]) == (GOOD, 1)


def test_what_is_no_network_is_a_candidate_all_the_same(pool):
    with Server([says("I cannot do that.")]) as server:
        made = generator_of(server, pool, repairs=1)
        [candidate] = made.ask(1)
        made.close()
    assert candidate.source == "I cannot do that.\n"
    assert candidate.parameters["refused"]
    assert len(server.asked) == 2


def test_a_killed_run_goes_on_from_its_record(pool, tmp_path):
    record = tmp_path / "r.jsonl"
    with Server(choose=distinct) as server:
        whole = generator_of(server, pool, record=tmp_path / "whole.jsonl")
        wanted = [*whole.ask(3), *whole.ask(1), *whole.ask(2)]
        whole.close()

        killed = generator_of(server, pool, record=record)
        found = list(killed.ask(3))
        state = json.loads(json.dumps(killed.state()))
        killed.ask(2)  # answered and recorded, but the run dies before it stored the state
        killed.close()
        server.asked.clear()

        resumed = generator_of(server, pool, record=record)
        resumed.load_state(state)
        found += [*resumed.ask(2), *resumed.ask(1)]
        resumed.close()
        assert len(server.asked) == 1
    assert without_server(found) == without_server(wanted)


def without_server(candidates):
    return [(each.source, each.parents, each.parameters["requests"]) for each in candidates]


def test_a_server_that_dies_loses_nothing(pool, tmp_path):
    record = tmp_path / "r.jsonl"
    with Server(choose=distinct) as server:
        made = generator_of(server, pool, record=record)
        found = list(made.ask(2))
        server.choose = lambda body: busy()
        made._client._persistence = type(made._client._persistence)(attempts=1)
        before = json.dumps(made.state())
        with pytest.raises(UserError, match="429"):
            made.ask(2)
        assert json.dumps(made.state()) == before
        server.choose = distinct
        found += made.ask(2)
        made.close()
    assert len({candidate.source for candidate in found}) == 4


def test_a_run_is_replayed_without_a_server(pool, tmp_path):
    record = tmp_path / "r.jsonl"
    with Server(choose=distinct, context=4096) as server:
        made = generator_of(server, pool, record=record, examples=2)
        wanted = list(made.ask(3))
        made.close()
    replay = FewShotGenerator(FewShotConfig(llm=f"replay:{record}", examples=2), 0)
    replay.meet(pool)
    assert without_server(replay.ask(3)) == without_server(wanted)
    with pytest.raises(UserError, match="does not answer"):
        replay.ask(1)
    replay.close()


def test_several_are_asked_for_at_once_where_one_likes(pool):
    with Server(choose=distinct) as server:
        one = generator_of(server, pool, record="one.jsonl", concurrency=4)
        many = generator_of(server, pool, record="many.jsonl")
        assert without_server(one.ask(1)) == without_server(many.ask(1))
        assert len(server.asked) == 5
        copy = generator_of(server, pool, record="one.jsonl", concurrency=4)
        copy.load_state(json.loads(json.dumps(one.state())))
        server.asked.clear()
        assert without_server(copy.ask(3)) == without_server(many.ask(3))
        assert len(server.asked) == 3  # all of them for `many`
        for each in (one, many, copy):
            each.close()


def test_a_spent_budget_ends_the_run(pool, caplog):
    with Server(choose=distinct) as server:
        made = generator_of(server, pool, budget_tokens=15)
        assert [len(made.ask(1)) for _ in range(4)] == [1, 1, 0, 0]
        made.close()
    assert "budget of 15 tokens is spent" in caplog.text


# -- what is cut for the context ------------------------------------------------------------------


def stored(name, source):
    """A block that runs, as a library takes it."""
    given = {"name": name, "qualified_name": f"here.{name}", "origin": "here", "version": "1"}
    block = Block(
        **given,
        licence="MIT",
        module="here",
        path="here.py",
        line=1,
        end_line=2,
        category="attention",
        docstring="",
        bases=(),
        parameters=(),
        forward_parameters=(),
    )
    extracted = Extracted(**given, source=source, licence="MIT", class_name=name, definitions=())
    ran = Validation(stage=Stage.BACKWARD, arguments={}, outputs=((2, 3),), returns="Tensor")
    return block, extracted, ran


def candidate_in(context, pool, count, **config):
    with Server(choose=distinct, context=context) as server:
        made = generator_of(server, pool, examples=count, record=f"{context}.jsonl", **config)
        try:
            [candidate] = made.ask(1)
            return candidate, server.asked[0]
        finally:
            made.close()


def test_nothing_is_cut_where_there_is_room(pool):
    candidate, _ = candidate_in(16_384, pool, 6)
    assert candidate.parameters["cut"] == []
    assert candidate.prefix == "alt-nn6"


def test_comments_go_first_then_supporting_networks(pool):
    _, asked = candidate_in(16_384, pool, 6)
    tight = len(asked["messages"][0]["content"]) // 3 + 8 + LEAST_REPLY - 1
    sizes = (tight, 2400, 1800)
    found = {context: candidate_in(context, pool, 6)[0] for context in sizes}
    kept = [len(found[context].parents) for context in sizes]
    assert kept[0] == 7 > kept[1] > kept[2] >= 1
    for candidate in found.values():
        shown = len(candidate.parents)
        cut = [each["how"] for each in candidate.parameters["cut"]]
        assert cut == ["condensed"] * shown + ["dropped"] * (7 - shown)
        assert candidate.prefix == f"alt-nn{shown - 1}"
        assert "note note" not in candidate.prompt


def test_prompt_and_reply_fit_into_the_context(pool):
    for context in (1800, 2400, 3900):
        _, asked = candidate_in(context, pool, 6)
        used = len(asked["messages"][0]["content"]) // 3 + 8
        assert used + asked["max_tokens"] <= context


def test_prompts_are_cut_to_what_is_soon_read(pool):
    whole, asked = candidate_in(16_384, pool, 6)
    most = len(asked["messages"][0]["content"]) // 3 + 8 - 1
    short, less = candidate_in(16_383, pool, 6, prompt_tokens=most)
    assert len(less["messages"][0]["content"]) // 3 + 8 <= most
    assert {each["how"] for each in short.parameters["cut"]} >= {"condensed"}
    assert whole.parameters["cut"] == []


def test_the_shortest_is_shown_alone_where_none_is_soon_read(pool):
    """A slow model is asked all the same: better a longer prompt than none."""
    candidate, asked = candidate_in(16_384, pool, 2, prompt_tokens=1)
    assert len(candidate.parents) == 1
    assert [each["how"] for each in candidate.parameters["cut"]] == ["condensed", *["dropped"] * 2]
    assert "# note" not in asked["messages"][0]["content"]


def test_several_candidates_are_drawn_from_one_prompt(pool):
    with Server(choose=distinct) as server:
        made = generator_of(server, pool, samples=3, record="samples.jsonl")
        prompts = [candidate.prompt for candidate in made.ask(6)]
        made.close()
    assert prompts[0] == prompts[1] == prompts[2] != prompts[3] == prompts[4] == prompts[5]
    assert len({body["seed"] for body in server.asked}) == 6


def test_what_was_cut_is_said(pool):
    with Server(choose=distinct) as server:
        made = generator_of(server, pool, examples=2, prompt_tokens=1, record="cut.jsonl")
        assert list(made.notes()) == []
        made.ask(1)
        made.close()
    [note] = made.notes()
    assert "condensed 1, dropped 2" in note
    assert "--prompt-tokens" in note


def test_blocks_are_shown_and_go_first(pool, tmp_path):
    folder = tmp_path / "blocks"
    folder.mkdir()
    for name in ("SEBlock", "Stem", "Gate"):
        (folder / f"{name}.py").write_text(
            f"class {name}(nn.Module):\n    pass\n" + "# long\n" * 60
        )
    roomy, _ = candidate_in(16_384, pool, 1, blocks=str(folder))
    assert len(re.findall(r"BLOCK THAT YOU MAY USE: \w+\n```python\nclass", roomy.prompt)) == 2
    assert roomy.parameters["cut"] == []
    _, asked = candidate_in(16_383, pool, 1)
    tight = len(asked["messages"][0]["content"]) // 3 + 8 + LEAST_REPLY
    found, _ = candidate_in(tight, pool, 1, blocks=str(folder))
    assert "BLOCK THAT" not in found.prompt
    assert [cut["how"] for cut in found.parameters["cut"]][:2] == ["dropped", "dropped"]
    assert {cut["name"] for cut in found.parameters["cut"]} <= {"SEBlock", "Stem", "Gate"}


def test_blocks_for_a_need_come_from_the_library(pool, tmp_path):
    path = tmp_path / "library.db"
    with BlockLibrary(path, create=True) as library:
        for name, width in (("Gate", 1), ("WindowAttention", 2), ("WindowPool", 3)):
            source = f"class {name}(nn.Module):\n    width = {width}\n"
            library.add(*stored(name, source))
    asked = {"need": "window", "blocks": str(path)}
    found, _ = candidate_in(16_384, pool, 1, **asked)
    shown = re.findall(r"BLOCK THAT YOU MAY USE: (\w+)\n", found.prompt)
    assert sorted(shown) == ["WindowAttention", "WindowPool"]
    assert "# Runs as: WindowPool(" in found.prompt
    found, _ = candidate_in(16_383, pool, 1, **asked, blocks_shown=1)
    assert found.prompt.count("BLOCK THAT") == 1
    with pytest.raises(UserError, match=r"no block of .* within 3 tokens"):
        candidate_in(16_382, pool, 1, **asked, blocks_tokens=3)
    with pytest.raises(UsageError, match="no block library"):
        FewShotConfig(need="window", blocks=str(tmp_path / "none.db"))


def test_a_context_too_small_for_one_network_is_one_line(pool):
    with pytest.raises(UserError, match=r"context of .* \(700 tokens\) holds none") as error:
        candidate_in(700, pool, 1)
    assert "\n" not in str(error.value)


def test_condensed_code_is_the_same_program():
    code = f'"""Doc."""\n# a comment\n{network(3)}\n\ndef f():\n    """Only this."""\n'
    short = condensed(code)
    assert canonical_digest(short.replace("pass", '"""x"""')) == canonical_digest(code)
    assert len(short) < len(code)
    assert "#" not in short
    assert condensed("no ( python") == "no ( python"


# -- which networks are shown ---------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_networks_of_a_prompt_differ_and_are_drawn_anew(pool, strategy):
    examples = Examples(pool, strategy, top=0.5)
    draws = [examples.draw(4, random.Random(seed)) for seed in range(6)]
    assert all(len({member.name for member in draw}) == 4 for draw in draws)
    assert len({tuple(member.name for member in draw) for draw in draws}) > 1
    assert examples.draw(4, random.Random(3)) == draws[3]
    assert len(examples.draw(100, random.Random(0))) <= 24


def test_the_best_are_drawn_from(pool):
    drawn = [
        m for s in range(20) for m in Examples(pool, "accuracy", 0.25).draw(3, random.Random(s))
    ]
    assert {round(100 * member.score) for member in drawn} == set(range(19, 25))


def test_families_are_balanced(pool):
    for seed in range(10):
        drawn = Examples(pool, "balanced", 0.25).draw(3, random.Random(seed))
        assert {member.family for member in drawn} == {"a", "b", "c"}
        assert min(member.score for member in drawn) >= 0.18


def test_diverse_ones_are_less_alike_than_the_best(tmp_path):
    from lemur2.corpus.dedupe.near import Sketches

    zoo = Pool(None, task=TASK)

    def likeness(strategy):
        found = []
        for seed in range(4):
            drawn = Examples(zoo, strategy, 1.0).draw(3, random.Random(seed))
            sketches = Sketches(zoo.source(member.name) for member in drawn)
            found += list(sketches.estimates(0, [1, 2]))
        return sum(found)

    assert likeness("diverse") < likeness("accuracy")


def test_long_networks_are_passed_over():
    zoo = Pool(None, task=TASK)
    for seed in range(5):
        drawn = Examples(zoo, "random", 1.0, longest=4000).draw(2, random.Random(seed))
        assert all(len(zoo.source(member.name)) <= 4000 for member in drawn)


# -- statistics -----------------------------------------------------------------------------------


def test_success_is_counted_per_number_of_examples(tmp_path):
    """As table 9 has it, but of the attempts: through the loop, screened for real."""
    from lemur2.statistics.fewshot import few_shot_success

    replies = iter([GOOD, GOOD, OTHER, network(21)])
    with Server(choose=lambda body: says(fenced(next(replies)))) as server:
        llm = f"openai:{server.url}#{MODEL}"
        for count in (1, 2):
            options = ["--examples", count, "--llm", llm, "--repairs", 0, "--threads", 1]
            options += ["--dataset", "digits", "--max-flops", 1, "--concurrency", 1]
            ended = lemur2("grow", "fewshot", "-n", 2, *options, "--db", "c.db")
            assert ended.exit_code == 0, ended.output
    with Corpus.open("c.db") as corpus:
        table = few_shot_success(corpus.funnel(by="prefix"))
    counts = table.pivot(index="group", columns="stage", values="count")
    assert list(counts.loc["alt-nn1", ["asked", "parses", "runs"]]) == [2, 2, 2]
    assert list(counts.loc["alt-nn2", ["asked", "parses", "runs"]]) == [2, 2, 1]
    assert set(table["n"]) == {1, 2}
    assert list(table["asked"]) == [2] * len(table)


# -- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"examples": 7}, "from 0 to 6"),
        ({"strategy": "best"}, "strategy must be"),
        ({"mode": "half"}, "mode must be"),
        ({"top": 0.0}, "top must be"),
        ({"blocks": "nowhere"}, "no blocks"),
        ({"template": "none.jinja"}, "no template none.jinja"),
        ({"llm": "gpt"}, "is no model"),
        ({"temperature": -1.0}, "temperature"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"repairs": -1}, "0 or more"),
        ({"budget_money": 1.0}, "needs the prices"),
    ],
)
def test_a_config_that_cannot_be(config, complaint):
    with pytest.raises(UsageError, match=complaint):
        FewShotConfig(**config)


@pytest.mark.parametrize("mode", ["continue", "layers"])
def test_a_mode_that_the_model_cannot_do(pool, mode):
    with Server([says("x")]) as server:
        made = generator_of(server, pool, mode=mode)
        with pytest.raises(UsageError, match=f"--mode {mode} needs a model that"):
            made.ask(1)
        made.close()
        assert server.asked == []


# -- parts of a file, as llama.cpp can be asked for them ------------------------------------------


def test_a_file_that_is_begun_is_gone_on_with(pool):
    def choose(body):
        begun = body["messages"][-1]["content"]
        rest = GOOD[GOOD.index("        self.conv") :]
        return says(f"{begun}{rest}```\nThat is it.")  # llama.cpp repeats the beginning

    with Server(choose=choose, llamacpp=True, context=8192) as server:
        made = generator_of(server, pool, mode="continue")
        [candidate] = made.ask(1)
        made.close()
    assert candidate.source == GOOD
    [asked] = server.asked
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant"]
    assert (asked["cache_prompt"], asked["stop"]) == (False, ["\n```"])


def test_layers_are_written_by_a_grammar_into_a_frame(pool):
    lines = "            nn.LazyConv2d(16, kernel_size=3, padding=1),\n            nn.ReLU(),\n"

    def choose(body):
        return says(f"{body['messages'][-1]['content']}{lines}            nn.Mi", finish="length")

    with Server(choose=choose, llamacpp=True, context=8192) as server:
        made = generator_of(server, pool, mode="layers")
        [candidate] = made.ask(1)
        made.close()
    assert f"self.features = nn.Sequential(\n{lines}        )" in candidate.source
    assert candidate.parameters["refused"] is None
    assert server.asked[0]["grammar"].startswith("# What the model may write")


def test_layers_need_what_the_frame_trains_by():
    with pytest.raises(UsageError, match="lacks momentum"):
        FewShotGenerator(FewShotConfig(mode="layers", hyperparameters=("lr",)), 0)


# -- the command line -----------------------------------------------------------------------------


def read(path):
    return Path(path).read_text()


def lemur2(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_from_the_command_line(tmp_path):
    with Server(choose=distinct) as server:
        llm = f"openai:{server.url}#{MODEL}"
        ended = lemur2("generate", "fewshot", "-n", 2, "--llm", llm, "--out", "nets")
    assert ended.exit_code == 0, ended.output
    lines = [json.loads(line) for line in read("nets/candidates.jsonl").splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert re.fullmatch(r"alt-nn1-[0-9a-f]{32}", line["name"])
        assert line["name"].endswith(whitespace_md5(read(f"nets/{line['name']}.py")))
    assert len(list((tmp_path / "lemur2-llm").iterdir())) == 1


def test_no_server_is_one_line():
    ended = lemur2("generate", "fewshot", "--llm", "openai:http://127.0.0.1:9/v1#m", "--out", "n")
    assert ended.exit_code == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "no server answers" in ended.stderr


def test_prompts_are_listed_shown_and_changed():
    names = [json.loads(line)["name"] for line in lemur2("prompt", "--json").stdout.splitlines()]
    assert {"fewshot", "repair"} <= set(names)
    shown = lemur2("prompt", "fewshot", "--show").stdout
    Path("mine.jinja").write_text(shown.replace("CREATE an IMPROVED", "MAKE A BETTER"))
    with Server(choose=distinct) as server:
        llm = f"openai:{server.url}#{MODEL}"
        options = ["--template", "mine.jinja", "--llm", llm, "--out", "nets", "-n", 1]
        assert lemur2("generate", "fewshot", *options).exit_code == 0
    assert server.asked[0]["messages"][0]["content"].startswith("MAKE A BETTER neural network")
    assert lemur2("prompt", "--models").exit_code == 0
    assert lemur2("prompt", "nothing", "--show").exit_code == 2


@pytest.mark.slow
def test_a_run_that_is_killed_resumes_to_the_same_end(tmp_path):
    """Killed for real while a reply is awaited; what was answered is not asked again."""
    stuck = threading.Event()

    def choose(body):
        if len(server.asked) == 3 and not stuck.is_set():
            stuck.set()
            return lambda handler: time.sleep(60)
        return distinct(body)

    def arguments(database):
        url = f"openai:{server.url}#{MODEL}"
        limits = ["--dataset", "digits", "--max-flops", "1", "--threads", "1"]
        record = ["--record", f"{database}.jsonl", "--concurrency", "1"]
        command = [sys.executable, "-m", "lemur2", "grow", "fewshot", "-n", "4", "--llm", url]
        return [*command, *limits, *record, "--db", database]

    with Server(choose=choose) as server:
        with subprocess.Popen(arguments("killed.db"), stderr=subprocess.DEVNULL) as process:
            assert stuck.wait(120)
            process.kill()
        ended = lemur2("resume", 1, "--db", "killed.db")
        assert ended.exit_code == 0, ended.output
        asked = [body["seed"] for body in server.asked]
        subprocess.run(arguments("whole.db"), check=True, stderr=subprocess.DEVNULL)
    assert len(asked) == 5  # four candidates; one of them was asked for twice
    with Corpus.open("killed.db") as killed, Corpus.open("whole.db") as whole:
        assert names(killed) == names(whole)


def names(corpus):
    return [(attempt.name, attempt.outcome.verdict) for attempt in corpus.attempts(1)]
