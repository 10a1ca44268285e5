"""Odd pictures and folders: what is read, and what is skipped with which words."""

import os

import numpy as np
import odd
import pytest
from PIL import features

from lemur2.datasets import prepare
from lemur2.datasets.folders import ClassFolders
from lemur2.datasets.own import Choices, PictureFolder
from lemur2.datasets.pictures import Unreadable, read
from lemur2.datasets.sources import Picture, Skipped
from lemur2.errors import DataWarning, UserError

RED = (200, 10, 10)

# A file's name, what writes it, and the colour that is read (a grey one is a number), or the
# words with which it is skipped.
TABLE = {
    "colour.jpg": (odd.saver(odd.flat(), "JPEG", quality=100), RED),
    "wrong-suffix.jpg": (odd.saver(odd.flat(), "PNG"), RED),
    "no-suffix": (odd.saver(odd.flat(), "PNG"), RED),
    "LOUD.PNG": (odd.saver(odd.flat(), "PNG"), RED),
    "photo.bmp": (odd.saver(odd.flat(), "BMP"), RED),
    "photo.webp": (odd.saver(odd.flat(), "WEBP", lossless=True), RED),
    "icon.ico": (odd.saver(odd.flat(), "ICO", sizes=[(40, 40)]), RED),
    "scan.tif": (odd.saver(odd.flat(), "TIFF"), RED),
    "camera.ppm": (odd.saver(odd.flat(), "PPM"), RED),
    "clear.png": (odd.transparent_red, 255),
    "half-clear.png": (odd.saver(odd.flat((0, 0, 0, 127), "RGBA"), "PNG"), 128),
    "clear-grey.png": (odd.saver(odd.flat((7, 0), "LA"), "PNG"), 255),
    "grey.png": (odd.saver(odd.flat(90, "L"), "PNG"), 90),
    "grey-as-colour.png": (odd.saver(odd.flat((90, 90, 90)), "PNG"), 90),
    "one-bit.png": (odd.saver(odd.flat(1, "1"), "PNG"), 255),
    "palette.png": (odd.palette, RED),
    "palette-clear.png": (odd.clear_palette, 255),
    "key-colour.png": (odd.key_colour, 255),
    "deep.png": (odd.deep_grey("PNG"), 128),
    "deep.tif": (odd.deep_grey("TIFF"), 128),
    "deep.pgm": (odd.deep_grey("PPM"), 128),
    "deep-colour.png": (odd.deep_colour, RED),
    "print.jpg": (odd.saver(odd.flat((0, 255, 255, 0), "CMYK"), "JPEG", quality=100), (254, 0, 0)),
    "video.jpg": (odd.saver(odd.flat().convert("YCbCr"), "JPEG", quality=100), RED),
    "lab.tif": (odd.saver(odd.flat((128, 128, 128), "LAB"), "TIFF"), 119),
    "moving.gif": (odd.animated("GIF"), RED),
    "moving.png": (odd.animated("PNG"), RED),
    "moving.webp": (odd.animated("WEBP"), (200, 10, 10)),
    "pages.tif": (odd.animated("TIFF"), RED),
    "dot.png": (odd.saver(odd.flat(size=(1, 1)), "PNG"), RED),
    "strip.png": (odd.saver(odd.flat(size=(3000, 1)), "PNG"), RED),
    "猫 Кошка قطة 🐈.png": (odd.saver(odd.flat(), "PNG"), RED),
    "two\nlines.png": (odd.saver(odd.flat(), "PNG"), RED),
    "inside.png": (odd.link("../b/0.png"), (0, 0, 120)),
    # what is skipped
    "notes.txt": (odd.text(b"not a picture\n"), "no picture"),
    "notes.png": (odd.text(b"not a picture\n"), "no picture"),
    "paper.pdf": (odd.text(b"%PDF-1.7\n%\xe2\xe3\n"), "no picture"),
    "drawing.eps": (odd.text(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "no picture"),
    "phone.heic": (odd.text(b"\0\0\0\x18ftypheic\0\0\0\0"), "HEIC, which is not read; "),
    "empty.png": (odd.text(b""), "empty"),
    "cut.jpg": (odd.cut("JPEG"), "cut short"),
    "cut.png": (odd.cut("PNG"), "cut short"),
    "crc.png": (odd.broken_crc, "no picture"),
    "scrambled.png": (odd.scrambled, "damaged"),
    "float.tif": (odd.saver(odd.flat(0.5, "F"), "TIFF"), "floating-point pixels"),
    "bomb.png": (odd.bomb, "more than 89,478,485 pixels"),
    "large.png": (odd.large, "more than 89,478,485 pixels"),
    ".hidden.png": (odd.saver(odd.flat(), "PNG"), "hidden"),
    "outside.png": (odd.link("/etc/hostname"), "link that leads out of the folder"),
    "nowhere.png": (odd.link("gone.png"), "link to nothing"),
    "itself.png": (odd.link("itself.png"), "link to nothing"),
    "pipe": (odd.pipe, "no regular file"),
}


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("LEMUR2_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path / "cache"))


def fill(folder, name, count, first=0, size=(40, 40)):
    """A class of pictures, each of its own colour."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        colour = (number, len(name), 120)
        odd.flat(colour, size=size).save(folder / name / f"{number}.png")


@pytest.fixture
def folder(tmp_path):
    """Two classes, of eight pictures each."""
    root = tmp_path / "mine"
    fill(root, "a", 8)
    fill(root, "b", 8, first=100)
    return root


def loaded(folder, **choices):
    return PictureFolder(f"folder:{folder}", choices=Choices(**choices)).load(
        folder, download=False
    )


def skipped(raw):
    return {name: each["reason"] for each in raw.facts["skipped"] for name in each["names"]}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_the_table(folder, name):
    """Through a whole data set: the file is among its pictures, or named with the reason."""
    write, wanted = TABLE[name]
    odd.flat((0, 0, 120)).save(folder / "b" / "0.png")
    write(folder / "a" / name)
    raw = loaded(folder, side=32)
    shown = f"a/{name}".replace("\n", "\\n")
    if isinstance(wanted, str):
        assert skipped(raw)[shown].startswith(wanted)
        assert raw.train[0].shape[0] == 17
        return
    assert raw.facts["skipped"] == []
    assert raw.train[0].shape == (18, 3, 32, 32)
    names = sorted([*(f"{n}.png" for n in range(8)), name])
    pixels = raw.train[0][np.array([names.index(name)])][0]
    assert np.abs(pixels.mean(axis=(1, 2)) - np.broadcast_to(wanted, 3)).max() <= 4
    grey = read(folder / "a" / name, (32, 32)).pixels
    assert len(grey) == (1 if isinstance(wanted, int) else 3)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read(tmp_path):
    odd.flat().save(tmp_path / "a.avif", quality=100)
    assert np.abs(read(tmp_path / "a.avif", (8, 8)).pixels[:, 4, 4].astype(int) - RED).max() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(tmp_path, orientation):
    path = tmp_path / "turned.png"
    odd.turned(orientation)(path)
    pixels = read(path, (40, 40)).pixels
    assert tuple(pixels[:, 20, 3]) == (250, 0, 0)
    assert tuple(pixels[:, 20, 36]) == (0, 0, 250)


def test_the_middle_is_kept(tmp_path):
    image = odd.flat(size=(120, 40))
    image.paste((0, 200, 0), (40, 0, 80, 40))
    image.save(tmp_path / "wide.png")
    decoded = read(tmp_path / "wide.png", (20, 20))
    assert decoded.size == (40, 120)
    assert (decoded.pixels[:, :, 1:-1] == np.array([0, 200, 0])[:, None, None]).all()


def test_bytes_are_read_as_files_are(tmp_path):
    odd.cut("JPEG")(tmp_path / "cut.jpg")
    for content in (tmp_path / "cut.jpg", (tmp_path / "cut.jpg").read_bytes()):
        with pytest.raises(Unreadable, match=r"^cut short$"):
            read(content, (8, 8))
    with pytest.raises(Unreadable, match=r"^empty$"):
        read(b"", (8, 8))
    with pytest.raises(Unreadable, match=r"^not there$"):
        read(tmp_path / "none.png", (8, 8))


@pytest.mark.parametrize(
    ("sides", "wanted"), [((40, 50, 90), 50), ((4, 5, 6), 32), ((40, 500, 600), 224)]
)
def test_side_is_the_median_shorter_side_within_bounds(tmp_path, sides, wanted):
    for number, side in enumerate(sides):
        fill(tmp_path / "mine", "ab"[number % 2], 1, first=number, size=(side, 3 * side))
    assert loaded(tmp_path / "mine").train[0].shape == (3, 3, wanted, wanted)


def test_side_as_asked_for(folder):
    assert loaded(folder, side=24).train[0].shape == (16, 3, 24, 24)


def test_one_channel_only_where_all_are_grey(folder, tmp_path):
    grey = tmp_path / "grey"
    for tone, name in enumerate(("a", "b")):
        (grey / name).mkdir(parents=True)
        for number in range(3):
            odd.flat(number + 100 * tone, "L").save(grey / name / f"{number}.png")
    assert loaded(grey).train[0].shape == (6, 1, 40, 40)
    odd.flat().save(grey / "a" / "colour.png")
    mixed = loaded(grey).train[0]
    assert mixed.shape == (7, 3, 40, 40)
    assert len(np.unique(mixed[np.array([0])])) == 1


# -- folders -----------------------------------------------------------------------------------


def parts(folder):
    """label -> part of each picture that is found."""
    found = ClassFolders(folder)
    return {(each.label, each.part) for each in found if isinstance(each, Picture)}


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val", "dev"])
def test_parts_above_the_classes(tmp_path, name):
    for part in ("train", name, "test"):
        fill(tmp_path, f"{part}/cat", 1)
    (tmp_path / "docs").mkdir()
    assert parts(tmp_path) == {("cat", "train"), ("cat", "validation"), ("cat", "test")}
    assert Skipped("docs", "folder beside train and test") in list(ClassFolders(tmp_path))


def test_a_class_may_be_called_train(tmp_path):
    fill(tmp_path, "train", 1)
    fill(tmp_path, "plane", 1)
    assert parts(tmp_path) == {("train", None), ("plane", None)}


def test_folders_within_a_class_belong_to_it(tmp_path):
    fill(tmp_path, "cat/2020/may", 1)
    fill(tmp_path, "dog", 1)
    assert parts(tmp_path) == {("cat", None), ("dog", None)}


@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_what_lies_beside_is_named(folder, tmp_path):
    outside = tmp_path / "outside"
    fill(outside, "c", 1)
    odd.flat().save(folder / "loose.png")
    (folder / "empty").mkdir()
    (folder / ".git").mkdir()
    (folder / "c").symlink_to(outside / "c")
    (folder / "a" / "loop").symlink_to(folder / "a")
    (folder / "b" / "sub").symlink_to(outside)
    raw = loaded(folder)
    assert raw.classes == ("a", "b")
    assert skipped(raw) == {
        "loose.png": "in no class folder",
        "empty": "class without a picture",
        ".git": "hidden",
        "c": "link that leads out of the folder",
        "a/loop": "link in a circle",
        "b/sub": "link that leads out of the folder",
    }


def test_a_folder_linked_within_is_followed(folder):
    (folder / "c").symlink_to(folder / "b")
    assert parts(folder) == {("a", None), ("b", None), ("c", None)}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_closed_file_and_a_closed_folder_are_named(folder):
    (folder / "a" / "0.png").chmod(0)
    fill(folder, "c", 1)
    (folder / "c").chmod(0)
    with pytest.warns(DataWarning, match="Permission denied"):
        raw = loaded(folder)
    assert skipped(raw)["a/0.png"] == "cannot be read (Permission denied)"
    assert skipped(raw)["c"] == "cannot be read (Permission denied)"
    (folder / "c").chmod(0o700)


@pytest.mark.parametrize("inside", ["", "c"])
def test_a_folder_that_cannot_be_listed(folder, monkeypatch, inside):
    """The same for root: what the system says is passed on, for a class and for all."""
    fill(folder, "c", 1)
    listed = os.scandir

    def refuse(path):
        if os.fspath(path) == str(folder / inside):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    if not inside:
        with pytest.raises(UserError, match=r"the folder .* cannot be read .Permission denied"):
            ClassFolders(folder)
        return
    found = [each for each in ClassFolders(folder) if isinstance(each, Skipped)]
    assert found == [Skipped("c", "cannot be read (Permission denied)")]


def test_every_class_of_numbers_is_in_its_place(tmp_path):
    for name in ("10", "9", "0"):
        fill(tmp_path, name, 1, first=int(name))
    assert loaded(tmp_path).classes == ("0", "9", "10")


def test_skipped_files_are_said(folder):
    (folder / "a" / "notes.txt").write_text("x")
    (folder / ".DS_Store").write_text("x")
    with pytest.warns(DataWarning) as said:
        loaded(folder)
    assert len(said) == 1
    assert str(said[0].message).endswith("skipped no picture: 1 (a/notes.txt)")


def only(*names):
    def make(root):
        for number, name in enumerate(names):
            fill(root, name, 3, first=10 * number)

    return make


def loose(root):
    root.mkdir()
    odd.flat().save(root / "a.png")


def unreadable(root):
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        (root / name / "x.png").write_bytes(b"no")


def class_in_test_only(root):
    only("train/a", "train/b", "test/a", "test/z")(root)


def all_of_train_in_test(root):
    only("train/a", "train/b")(root)
    (root / "test").symlink_to(root / "train")


def parts_without_classes(root):
    only("train", "test")(root)


def wrapped(root):
    only("pack/train/a", "pack/test/a")(root)


def one_picture(root):
    fill(root, "a", 1)
    fill(root, "b", 1, first=1)


BAD = {
    "is not there": (lambda root: None, "the folder .* is not there"),
    "a file": (lambda root: root.write_text("x"), "the folder .* is a file"),
    "empty": (lambda root: root.mkdir(), "holds no pictures; it must hold a folder a class"),
    "no class folders": (loose, "has 1 files and no class folders with pictures"),
    "unreadable": (unreadable, r"no picture that can be read in .*no picture: 2 \(a/x.png, b/x"),
    "one class": (only("a"), "has one class only, 'a'"),
    "no train folder": (only("val/a", "test/a"), "has test and val, but no train folder"),
    "a class in test only": (class_in_test_only, "class 'z' of data set .* is in a held-out part"),
    "all of train in test": (all_of_train_in_test, "has no picture to train on"),
    "parts without classes": (parts_without_classes, "has test and train without class folders"),
    "a folder around all": (
        wrapped,
        "one folder only, with others in it; say folder:.*mine/pack",
    ),
    "too few": (one_picture, "too few samples for a validation part"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_bad_folders_are_one_line_and_leave_nothing(tmp_path, case):
    make, wanted = BAD[case]
    make(tmp_path / "mine")
    with pytest.raises(UserError, match=wanted) as raised:
        prepare(f"folder:{tmp_path / 'mine'}")
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*"))


def test_predict_and_packed_networks_read_as_the_data_set_does(folder):
    """To the pixel, in colour and in grey: else a score and a prediction differ."""
    from lemur2.prediction import standalone
    from lemur2.prediction.pictures import read_picture

    odd.flat((0, 0, 120)).save(folder / "b" / "0.png")
    readable = {name: row[0] for name, row in TABLE.items() if not isinstance(row[1], str)}
    assert len(readable) > 30
    for name, write in readable.items():
        path = folder / "a" / name
        write(path)
        for shape in ((3, 24, 20), (1, 24, 20)):
            found = read_picture(path, shape)
            assert np.array_equal(standalone.raw(path, list(shape)).numpy(), found), name
            if shape[0] == 3:
                assert np.array_equal(found, np.broadcast_to(read(path, shape[1:]).pixels, shape))
