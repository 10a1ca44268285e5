"""Values to record, and strategies that make them."""

from hypothesis import strategies as st

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus, Epoch, Facts, Outcome, TrialResult
from lemur2.texts import cleaned

FACTS = Facts(
    input_size=32,
    sample_shape=(3, 32, 32),
    outputs=(10,),
    parameters=11_173_962,
    flops=None,
    memory=1 << 33,
    seconds=0.25,
    structure_digest="5" * 64,
    notes=("an auxiliary head without gradient",),
)
RUN = {
    "verb": "grow",
    "generator": "fractal",
    "config": {"depth": 3},
    "seed": 7,
    "protocol": {"dataset": "digits"},
    "limits": {},
    "total": 4,
    "environment": {"torch": "2.14", "threads": 1},
}

texts = st.text(st.characters(), max_size=12)  # NUL and lone surrogates included
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
numbers = st.floats(0, 1e6) | st.integers(0, 1 << 40) | st.booleans() | st.none() | texts
hyperparameters = st.dictionaries(
    st.sampled_from(["lr", "batch", "momentum", "dropout", "transform", "epoch", "other"]), numbers
)
scores = st.floats(0, 1)


@st.composite
def trial_results(draw):
    epochs = tuple(
        Epoch(
            epoch=number,
            score=draw(scores),
            loss=draw(st.none() | st.floats(0, 100)),
            seconds=draw(st.floats(0, 1e5)),
            memory=draw(st.integers(0, 1 << 40)),
        )
        for number in range(1, draw(st.integers(0, 3)) + 1)
    )
    return TrialResult(
        task="img-classification",
        dataset=draw(st.sampled_from(["digits", "cifar-10"])),
        metric="acc",
        transform=draw(st.sampled_from(["norm_32", "echo"])),
        hyperparameters=draw(hyperparameters.map(cleaned)),
        seed=draw(st.integers(0, 2**31)),
        verdict=draw(st.sampled_from(Verdict)),
        reason=draw(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
        epochs=epochs,
        test_score=draw(st.none() | scores),
        environment={"torch": draw(st.sampled_from(["2.14", "2.15"]))},
        transform_source=draw(texts),
    )


@st.composite
def outcomes(draw):
    name = draw(st.uuids()).hex
    facts = draw(st.none() | st.just(FACTS))
    candidate = Candidate(
        source=draw(texts),
        generator=draw(st.sampled_from(["fractal", "genetic"])),
        prefix=draw(st.sampled_from(["", "ga"])),
        name=draw(st.none() | st.just(name)),
        parents=tuple(draw(st.lists(st.sampled_from(["A", "B", "C"]), unique=True))),
        parameters=draw(st.dictionaries(texts, json_values, max_size=3)),
        prompt=draw(st.none() | texts),
    )
    return Outcome(
        candidate=candidate,
        name=name,
        digest=draw(st.sampled_from(["", "d1", "d2"])),
        verdict=draw(st.sampled_from(Verdict)),
        reason=draw(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
        facts=facts,
        trial=draw(st.none() | trial_results()) if facts else None,
        duplicate_of=draw(st.none() | st.just("A")),
        seconds=draw(st.floats(0, 1e5)),
    )


def trial_result(**changes) -> TrialResult:
    values = {
        "task": "img-classification",
        "dataset": "digits",
        "metric": "acc",
        "transform": "norm_32",
        "hyperparameters": {"lr": 0.01, "batch": 64, "momentum": 0.9, "dropout": 0.2},
        "seed": 7,
        "verdict": Verdict.OK,
        "epochs": (Epoch(epoch=1, score=0.5, loss=1.5, seconds=2.0, memory=1000),),
        "environment": {"torch": "2.14"},
    }
    return TrialResult(**{**values, **changes})


def outcome(name: str, verdict: Verdict = Verdict.OK, **changes) -> Outcome:
    values = {
        "candidate": Candidate(source=f"# {name}\n", generator="fractal", prefix="F"),
        "name": name,
        "digest": f"digest of {name}",
        "verdict": verdict,
        "facts": FACTS if verdict is Verdict.OK else None,
        "trial": trial_result() if verdict is Verdict.OK else None,
    }
    return Outcome(**{**values, **changes})


def grow(corpus: Corpus, outcomes: list[Outcome], **run) -> int:
    """A run that asks for all, and records all, in order."""
    run_id = corpus.start_run(**{**RUN, **run})
    asked = [(item.candidate, item.name, item.digest) for item in outcomes]
    indices = corpus.advance(run_id, told=0, state={"step": 0}, asked=asked)
    for index, item in zip(indices, outcomes, strict=True):
        assert corpus.record(run_id, index, item)
    return run_id
