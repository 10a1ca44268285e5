"""Trained networks predict: in the sandbox, and packed, on pictures of every kind."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lemur2.architecture import Verdict
from lemur2.corpus import Corpus
from lemur2.errors import UserError
from lemur2.evaluation import Protocol
from lemur2.evaluation.plan import Plan
from lemur2.loop.keeping import Keeper, Keeping
from lemur2.loop.sources import find
from lemur2.loop.training import Trainer, train
from lemur2.prediction.packing import pack
from lemur2.prediction.pictures import Unreadable, picture_files, read_picture, read_pictures
from lemur2.prediction.predicting import continue_text, evaluate, predict_pictures
from lemur2.prediction.trained import find_kept, trained

COLOUR, GREY = (3, 24, 32), (1, 8, 8)
AUGMENTED = """
from torchvision import transforms

def transform(norm):
    return transforms.Compose([
        transforms.RandomCrop(8, padding=1),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.2),
        transforms.Resize((32, 32)),
        transforms.RandomApply([transforms.RandomRotation(5)], p=0.5),
        transforms.ToTensor(),
        transforms.Normalize(*norm),
        transforms.RandomErasing(),
    ])
"""


@pytest.fixture(scope="module")
def corpus(engine, tmp_path_factory):
    """Networks that were trained on digits, and one on text."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "augmented.py").write_text(AUGMENTED)
    trainings = {
        "LeNet": Protocol(dataset="digits", epochs=2),
        "ResNet8": Protocol(dataset="digits", transform=str(folder / "augmented.py")),
        "LSTM": Protocol(dataset="python-reference"),
    }
    with Corpus.open(folder / "c.db", create=True) as corpus:
        for name, protocol in trainings.items():
            keeper = Keeper(corpus, Keeping(what="last"))
            trainer = Trainer(engine, find(name).network(), corpus=corpus, keeper=keeper)
            done = train(trainer, Plan.of(protocol), test=True)
            assert done.verdict is Verdict.OK, done.reason
        yield corpus


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Digits of the test part as files, and what they are."""
    folder = tmp_path_factory.mktemp("pictures")
    data = Plan.of(Protocol(dataset="digits")).data
    inputs, targets = data.inputs("test"), data.targets("test")
    for index, image in enumerate(inputs):
        Image.fromarray(image[0]).save(folder / f"{index:03d}.png")
    return folder, targets


def test_predictions_are_those_that_were_scored(corpus, engine, pictures):
    """As many right as the test score says: the same numbers from files as from the data set."""
    folder, targets = pictures
    network = trained(corpus, "LeNet")
    found = list(predict_pictures(network, picture_files([folder]), engine))
    right = [each.ranked[0][0] == str(target) for each, target in zip(found, targets, strict=True)]
    (trial,) = corpus.trials(architecture="LeNet")
    assert np.mean(right) == trial.result.test_score
    scores = evaluate(network, Plan.of(Protocol(dataset="digits")), engine)
    assert scores["test"].score == trial.result.test_score
    assert scores["validation"].score == trial.result.score


@pytest.mark.parametrize("name", ["LeNet", "ResNet8"])
def test_a_packed_network_predicts_the_same_without_us(corpus, engine, pictures, tmp_path, name):
    folder, _ = pictures
    network = trained(corpus, name)
    files = sorted(folder.glob("*.png"))[:20]
    ours = list(predict_pictures(network, files, engine, top=3))
    packed = pack(network, corpus, tmp_path / "packed")
    done = subprocess.run(
        [sys.executable, "-I", "-c", BARE, str(packed), *map(str, files)],
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(theirs) == len(ours)
    for mine, other in zip(ours, theirs, strict=True):
        assert [each["prediction"] for each in other["top"]] == [n for n, _ in mine.ranked]
        shares = [each["probability"] for each in other["top"]]
        assert shares == pytest.approx([share for _, share in mine.ranked], abs=1e-5)
    card = (packed / "README.md").read_text()
    assert f"# {name}" in card
    assert f"{corpus.trials(architecture=name)[0].result.test_score:.4f}" in card


BARE = """
import runpy, sys

class OnlyTheseThree:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("lemur2", "safetensors", "timm", "msgspec"):
            raise ImportError(name)

sys.meta_path.insert(0, OnlyTheseThree())
folder, *files = sys.argv[1:]
sys.argv = ["predict.py", "--json", "--top", "3", *files]
runpy.run_path(f"{folder}/predict.py", run_name="__main__")
"""


def test_a_folder_that_is_there_is_left_alone(corpus, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("important")
    with pytest.raises(UserError, match="is there already"):
        pack(trained(corpus, "LeNet"), corpus, tmp_path / "mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "notes.txt"]


def test_text_is_continued_with_what_it_is_made_of(corpus, engine):
    network = trained(corpus, "LSTM")
    first = "".join(continue_text(network, "The ", engine, length=12, seed=1))
    again = "".join(continue_text(network, "The ", engine, length=12, seed=1))
    assert len(first) == 12
    assert first == again
    likeliest = {"".join(continue_text(network, "The ", engine, length=4, temperature=0, seed=s))
                 for s in (1, 2)}  # fmt: skip
    assert len(likeliest) == 1
    with pytest.raises(UserError, match="characters that python-reference does not have"):
        next(continue_text(network, "\U0001f600", engine))
    with pytest.raises(UserError, match="continues no text"):
        next(continue_text(trained(corpus, "LeNet"), "The", engine))


def test_what_cannot_be_had_is_one_line(corpus, engine):
    with pytest.raises(UserError, match="did you mean LeNet"):
        trained(corpus, "LeNte")
    with pytest.raises(UserError, match="no weights of LeNet of trial 9"):
        trained(corpus, "LeNet", trial=9)
    with pytest.raises(UserError, match="no weights are kept of trial 99"):
        find_kept(corpus, "99")
    with pytest.raises(UserError, match="another sample shape"):
        evaluate(trained(corpus, "LeNet"), Plan.of(Protocol(dataset="mnist-5k")), engine)
    with pytest.raises(UserError, match="takes no pictures"):
        next(predict_pictures(trained(corpus, "LSTM"), [], engine))


def test_which_of_trainings_that_do_not_compare_has_to_be_said(corpus, engine, tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as other:
        for dataset in ("digits", "mnist-5k"):
            keeper = Keeper(other, Keeping())
            trainer = Trainer(engine, find("LeNet").network(), corpus=other, keeper=keeper)
            train(trainer, Plan.of(Protocol(dataset=dataset)))
        with pytest.raises(UserError, match=r"digits by acc, mnist-5k by acc.*--dataset"):
            trained(other, "LeNet")
        assert trained(other, "LeNet", dataset="mnist-5k").kept.trial_id == 2


# -- pictures --------------------------------------------------------------------------------------


def saved(folder, name, mode, size=(64, 48), **how):
    chance = np.random.default_rng(0)
    bands = {"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4, "LA": 2}
    if mode in bands:
        shape = (size[1], size[0], bands[mode])
        values = chance.integers(0, 256, shape, dtype=np.uint8)
        picture = Image.fromarray(values.squeeze(), mode)
    elif mode == "I;16":
        picture = Image.fromarray(chance.integers(0, 65536, size[::-1], dtype=np.uint16))
    else:
        colours = Image.fromarray(chance.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
        picture = colours.convert(mode)
    picture.save(folder / name, **how)
    return folder / name


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.png", "L"),
        ("a.png", "RGB"),
        ("a.png", "RGBA"),
        ("a.png", "LA"),
        ("a.png", "P"),
        ("a.png", "1"),
        ("a.png", "I;16"),
        ("a.jpg", "CMYK"),
        ("a.gif", "P"),
        ("a.webp", "RGB"),
        ("a.bmp", "RGB"),
        ("a.tiff", "RGB"),
        ("絵.png", "RGB"),
    ],
)
@pytest.mark.parametrize("shape", [COLOUR, GREY])
def test_pictures_that_people_have(tmp_path, name, mode, shape):
    found = read_picture(saved(tmp_path, name, mode), shape)
    assert found.shape == shape
    assert found.dtype == np.uint8
    assert found.std() > 1


def test_a_picture_of_the_right_size_is_taken_as_it_is(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png", COLOUR), values.transpose(2, 0, 1))


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    values = np.zeros((32, 24, 3), np.uint8)
    values[:16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90 degrees clockwise
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    found = read_picture(tmp_path / "a.png", COLOUR)
    assert found[:, :, 20:].min() == 255
    assert found[:, :, :12].max() == 0


def test_the_shorter_side_fits_and_the_middle_is_cut(tmp_path):
    values = np.zeros((24, 96), np.uint8)
    values[:, 32:64] = 200
    Image.fromarray(values).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", (1, 24, 32)).min() == 200


def test_what_can_be_seen_through_is_on_white(tmp_path):
    values = np.zeros((24, 32, 4), np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", COLOUR).min() == 255


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b""),
        ("a.png", b"text"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 40),
        ("a.gif", b"GIF89a"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\xff" * 17),
    ],
)
def test_what_is_no_picture_says_so(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable) as told:
        read_picture(tmp_path / name, COLOUR)
    assert "\n" not in str(told.value)


def test_a_cut_picture_is_named_and_the_rest_goes_on(tmp_path):
    whole = saved(tmp_path, "b.png", "RGB")
    (tmp_path / "a.png").write_bytes(whole.read_bytes()[:-200])
    (batch,) = read_pictures(picture_files([tmp_path]), COLOUR)
    assert [path.name for path, _ in batch] == ["a.png", "b.png"]
    assert isinstance(batch[0][1], Unreadable)
    assert batch[1][1].shape == COLOUR


def test_many_pictures_come_in_their_order(tmp_path):
    for index in range(150):
        Image.new("L", (8, 8), index).save(tmp_path / f"{index:03d}.png")
    found = [each for batch in read_pictures(picture_files([tmp_path]), GREY) for each in batch]
    assert [int(image[0, 0, 0]) for _, image in found] == list(range(150))


def test_hidden_files_and_links_out_of_the_folder_are_passed_over(tmp_path):
    folder = tmp_path / "pictures"
    (folder / ".hidden").mkdir(parents=True)
    saved(folder / ".hidden", "a.png", "RGB")
    saved(folder, ".b.png", "RGB")
    outside = saved(tmp_path, "c.png", "RGB")
    (folder / "c.png").symlink_to(outside)
    (folder / "notes.txt").write_text("text")
    mine = saved(folder, "d.png", "RGB")
    assert list(picture_files([folder])) == [mine]
    with pytest.raises(UserError, match="has no pictures"):
        list(picture_files([_empty(tmp_path)]))
    with pytest.raises(UserError, match="there is no file"):
        list(picture_files([tmp_path / "nothing.png"]))


def _empty(folder):
    made = folder / "empty"
    made.mkdir()
    return made
