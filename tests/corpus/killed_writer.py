"""Writes a run and says what is stored, until it is killed. `python killed_writer.py DB`."""

import sys

from corpus_samples import FACTS, RUN, outcome, trial_result

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus, Epoch, Outcome


def planned(index: int) -> Outcome:
    """The outcome of an attempt: some succeed, some fail, one in four is a duplicate."""
    name = f"F-{index}"
    candidate = Candidate(
        source=f"# {name}\n" + "x = 1\n" * 200,
        generator="fractal",
        parents=(f"F-{index - 1}",),
        prompt=f"prompt {index % 3}",
    )
    if index % 4 == 1:
        return outcome(name, Verdict.SHAPE, candidate=candidate)
    if index % 4 == 2:
        return outcome(name, Verdict.DUPLICATE, candidate=candidate, duplicate_of="F-0")
    epochs = tuple(
        Epoch(epoch=number, score=number / 40, loss=1.0, seconds=0.5, memory=number)
        for number in range(1, 30)
    )
    return outcome(name, candidate=candidate, facts=FACTS, trial=trial_result(epochs=epochs))


def main(place: str) -> None:
    """Go on where the database says, three attempts a step, without end."""
    with Corpus.open(place, create=True) as corpus:
        run_id = corpus.runs()[0].id if corpus.runs() else corpus.start_run(**RUN)
        while True:
            for attempt in corpus.attempts(run_id):
                if attempt.outcome is None:
                    corpus.record(run_id, attempt.index, planned(attempt.index))
                    print("recorded", attempt.index, flush=True)  # noqa: T201
            told = corpus.run(run_id).done
            new = [planned(told + offset) for offset in range(3)]
            asked = [(item.candidate, item.name, item.digest) for item in new]
            corpus.advance(run_id, told=told, state={"next": told + 3}, asked=asked)
            print("asked", told + 3, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
