"""`lemur2.predict`, `lemur2.load`, `lemur2.pack`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lemur2.api.shared import Db, entered, opened
from lemur2.errors import UserError
from lemur2.evaluation.engines import Engine
from lemur2.prediction.packing import pack as write
from lemur2.prediction.pictures import picture_files
from lemur2.prediction.predicting import Prediction, continue_text, predict_pictures
from lemur2.prediction.trained import Trained, trained

if TYPE_CHECKING:
    import torch


class Predictor:
    """A trained network that predicts in the sandbox.

    Attributes:
        trained: The network with its weights, and what it was trained under.
    """

    def __init__(self, trained: Trained, engine: Engine | None = None) -> None:
        self.trained = trained
        self._engine = engine

    def __call__(self, *places: str | Path, top: int = 1) -> list[Prediction]:
        """The likeliest classes of pictures, and of those in folders.

        Raises:
            UserError: A place is not there.
            Refusal: The network fails.
        """
        files = list(picture_files(map(Path, places)))
        with entered(self._engine) as engine:
            return list(predict_pictures(self.trained, files, engine, top=top))

    def write(
        self, prompt: str, *, length: int = 200, temperature: float = 0.8, seed: int = 0
    ) -> str:
        """How a network of text continues a prompt. Raises UserError, Refusal."""
        drawn = {"length": length, "temperature": temperature, "seed": seed}
        with entered(self._engine) as engine:
            return "".join(continue_text(self.trained, prompt, engine, **drawn))  # type: ignore[arg-type]

    def __repr__(self) -> str:
        kept = self.trained.kept
        return f"<{kept.name}, trial {kept.trial_id}, {kept.dataset}, {kept.metric} {kept.score}>"


def load(
    name: str,
    *,
    trial: int | None = None,
    dataset: str | None = None,
    trusted: bool = False,
    db: Db = None,
    engine: Engine | None = None,
) -> Predictor | torch.nn.Module:
    """A trained network of the corpus.

        predictor = lemur2.load("LeNet")
        predictor("photo.png")[0].ranked
        module = lemur2.load("LeNet", trusted=True)     # runs its code in this process

    Args:
        name: Of a network whose weights are kept.
        trial: Whose weights; those of the best score by default.
        dataset: Only of trainings on this data set.
        trusted: Give the module itself, on the CPU and in evaluation mode. Its source runs in
            this process, with all that this process may do.
        db: The corpus.
        engine: Where a predictor runs, entered; one of this machine for each call by default.

    Raises:
        UserError: There is none, or its weights are not there.
    """
    with opened(db) as corpus:
        found = trained(corpus, name, trial=trial, dataset=dataset)
        if not trusted:
            return Predictor(found, engine)
        with tempfile.TemporaryDirectory() as folder:
            return _module(write(found, corpus, Path(folder) / name))


def _module(packed: Path) -> torch.nn.Module:
    """The network of a packed folder, by the folder's own script."""
    import runpy

    try:
        made = runpy.run_path(str(packed / "predict.py"))["Predictor"]()
    except Exception as error:  # the network's own code may raise anything
        raise UserError(f"{packed.name} cannot be loaded: {error}") from error
    net: torch.nn.Module = made.net
    return net


def predict(
    name: str,
    *places: str | Path,
    top: int = 1,
    trial: int | None = None,
    dataset: str | None = None,
    db: Db = None,
    engine: Engine | None = None,
) -> list[Prediction]:
    """What a trained network says of pictures: `load(name)(*places)`. See `load`."""
    with opened(db) as corpus:
        found = trained(corpus, name, trial=trial, dataset=dataset)
    return Predictor(found, engine)(*places, top=top)


def pack(
    name: str,
    out: str | Path,
    *,
    trial: int | None = None,
    dataset: str | None = None,
    db: Db = None,
) -> Path:
    """Write a trained network as a folder that needs no lemur2; the folder. `lemur2 pack`."""
    with opened(db) as corpus:
        return write(trained(corpus, name, trial=trial, dataset=dataset), corpus, Path(out))
