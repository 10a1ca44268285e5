"""Screening: each way to be wrong gets its own verdict, and what is right is measured."""

import pytest
from driving import hasty, screen
from nets import net

from lemur2.architecture import Refusal, Verdict, zoo_source
from lemur2.evaluation import Limits
from lemur2.evaluation.jobs import Screen, TraceNetwork
from lemur2.tasks import task

IMAGES = task("img-classification")

SECOND_HEAD = "self.other = nn.Linear(self.head.in_features, out_shape[0])"
BAD = {
    "no such module": (net(top="import nosuch"), "import", "No module named 'nosuch'"),
    "raises on import": (net(top="1 / 0"), "import", "ZeroDivisionError"),
    "raises when built": (net(build="raise RuntimeError('no luck')"), "build", "no luck"),
    "undeclared hyperparameter": (net(build="prm['gamma']"), "build", "'gamma' is read from prm"),
    "too few classes": (net(forward="return self.head(x.flatten(1))[:, :3]"), "shape", "(2, 10)"),
    "not a tensor": (net(forward="return None"), "shape", "None"),
    "forward raises": (net(forward="return self.head(x)"), "shape", "RuntimeError"),
    "detached": (
        net(forward="return self.head(x.flatten(1)).detach()"),
        "backward",
        "does not depend on any parameter",
    ),
    "detached branch": (
        net(
            build=SECOND_HEAD,
            forward="x = x.flatten(1); return self.head(x) + self.other(x).detach()",
        ),
        "backward",
        "no gradient reaches other",
    ),
    "too much memory": (
        net(build="torch.zeros(1 << 33)"),
        "memory",
        "out of memory, 32,768 MiB more do not fit",
    ),
    "raises MemoryError": (net(build="raise MemoryError"), "memory", "out of memory"),
    "leaves": (net(build="raise SystemExit"), "crash", "SystemExit"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(engine, case):
    source, verdict, words = BAD[case]
    with pytest.raises(Refusal) as refused:
        screen(engine, source, IMAGES)
    assert refused.value.verdict == verdict
    assert words in refused.value.reason


@pytest.mark.parametrize(
    ("case", "statement"),
    [("raises on import", "1 / 0"), ("undeclared hyperparameter", "prm['gamma']")],
)
def test_a_refusal_names_the_line(engine, case, statement):
    source = BAD[case][0]
    with pytest.raises(Refusal) as refused:
        screen(engine, source, IMAGES)
    assert refused.value.line is not None
    assert statement in source.splitlines()[refused.value.line - 1]


def test_a_refusal_brings_the_remedy_across(engine):
    with pytest.raises(Refusal) as refused:
        screen(engine, net(forward="return self.head(x.flatten(1))[:, :3]"), IMAGES)
    assert refused.value.remedy
    assert refused.value.remedy in str(refused.value)


def test_an_endless_loop_is_a_timeout(engine):
    with pytest.raises(Refusal) as refused:
        screen(hasty(engine, screen_seconds=3), net(build="[0 for _ in iter(int, 1)]"), IMAGES)
    assert refused.value.verdict is Verdict.TIMEOUT


def test_measures_a_network(engine):
    facts = screen(engine, net(), IMAGES)
    assert facts.input_size == 32
    assert facts.sample_shape == (3, 32, 32)
    assert facts.parameters == 3 * 32 * 32 * 10 + 10
    assert facts.flops == 2 * 3 * 32 * 32 * 10
    assert facts.notes == ()


def test_code_that_needs_its_own_source_finds_it(engine):
    """As `torch.jit.script` does."""
    function = "@torch.jit.script\ndef double(x: torch.Tensor) -> torch.Tensor:\n    return x + x"
    source = net(top=function, forward="return double(self.head(x.flatten(1)))")
    assert screen(engine, source, IMAGES).input_size == 32


def test_an_outline_lists_every_module(engine):
    screened = engine.run(Screen.at_sizes(net(), IMAGES, [64, 32], outlined=True))
    facts, outline = screened.facts, screened.outline
    assert facts.input_size == 64
    kind, settings, shapes = outline["head"]
    assert kind.endswith(".Linear")
    assert "in_features=12288" in settings
    assert shapes == {"weight": (10, 12288), "bias": (10,)}


def test_what_a_worker_says_of_a_trace_is_an_object():
    job = TraceNetwork.example(net())
    for reply in ({}, {"trace": []}, {"trace": None}, {"trace": {"nodes": []}}):
        with pytest.raises(Refusal) as refused:
            job.report(reply, 1.0)
        assert refused.value.verdict is Verdict.FORBIDDEN


def test_the_default_limits_are_in_bytes():
    limits = Limits()
    assert (limits.memory, limits.output, limits.scratch) == (2**32, 2**16, 2**26)


def test_finds_the_smallest_input_that_works(engine):
    facts = screen(
        engine,
        net(
            build="if in_shape[2] < 100: raise ValueError('too small')",
        ),
        IMAGES,
        channels=1,
    )
    assert facts.input_size == 128
    assert facts.sample_shape == (1, 128, 128)


def test_what_takes_no_part_is_excused_with_a_note(engine):
    facts = screen(engine, net(build="self.spare = nn.Linear(2, 2)"), IMAGES)
    assert "spare" in facts.notes[0]


def test_a_branch_whose_result_nothing_uses_is_excused(engine):
    forward = "x = x.flatten(1); side = self.other(x); return self.head(x)"
    facts = screen(engine, net(build=SECOND_HEAD, forward=forward), IMAGES)
    assert "other.weight" in facts.notes[0]


def test_equal_structures_have_equal_digests(engine):
    plain = screen(engine, net(), IMAGES)
    renamed = screen(engine, "# again\n" + net().replace("head", "last"), IMAGES)
    other = screen(engine, zoo_source("LeNet"), IMAGES)
    assert plain.structure_digest == renamed.structure_digest != other.structure_digest


WELL_FORMED = (
    "'input_size': 32, 'sample_shape': [3, 32, 32], 'outputs': [10], 'parameters': 1, "
    "'flops': 1, 'memory': 1, 'seconds': 1, 'notes': [], 'structure_digest': 'abc'"
)


@pytest.mark.parametrize(
    "forged",
    [
        "{}",
        "{'facts': {}}",
        "{'facts': {WELL_FORMED, 'parameters': 10 ** 30}}",
        "{'facts': {WELL_FORMED, 'parameters': -1}}",
        "{'facts': {WELL_FORMED, 'flops': float('nan')}}",
        "{'facts': {WELL_FORMED, 'structure_digest': chr(0xd800)}}",
        "{'facts': {WELL_FORMED, 'sample_shape': 3}}",
    ],
)
def test_forged_facts_are_a_verdict(engine, forged):
    message = forged.replace("WELL_FORMED", WELL_FORMED)
    found = "[o for o in gc.get_objects() if type(o).__name__ == 'Channel']"
    source = net(top="import gc", build=f"[o.send({message}) for o in {found}]; 1 / 0")
    with pytest.raises(Refusal) as refused:
        screen(engine, source, IMAGES)
    assert refused.value.verdict is Verdict.FORBIDDEN
