"""Tables and arrays of people's own pictures: csv, parquet, saved, npz; copies; conformance."""

import io
import json
import threading

import numpy as np
import odd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lemur2.datasets import dataset, open_prepared, prepare
from lemur2.datasets.decoding import _parallel
from lemur2.datasets.own import Choices
from lemur2.datasets.registry import own_pictures
from lemur2.errors import UsageError, UserError
from lemur2.testing.datasets import DatasetSuite

PARTS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("LEMUR2_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path / "cache"))


def encoded(number, form="PNG"):
    buffer = io.BytesIO()
    odd.flat((number % 256, number // 256, 90), size=(36, 36)).save(buffer, form)
    return buffer.getvalue()


def pictures(count, first=0):
    return [encoded(number) for number in range(first, first + count)]


def files(folder, count):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded(number))
    return [f"{number}.png" for number in range(count)]


def write_csv(path, header, rows, delimiter=",", encoding="utf-8"):
    lines = [delimiter.join(map(str, row)) for row in [header, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)


HUGGING = {"label": {"names": ["cat", "dog", "none"], "_type": "ClassLabel"}}


def hugging(count, first=0, part=None):
    """A table as Hugging Face writes it, the classes by number and named in the metadata."""
    images = [{"bytes": data, "path": f"{n}.png"} for n, data in enumerate(pictures(count, first))]
    columns = {"image": images, "label": [number % 2 for number in range(count)]}
    features = {"image": {"_type": "Image"}, **HUGGING}
    info = json.dumps({"info": {"features": features}})
    return pa.table(columns).replace_schema_metadata({"huggingface": info})


def save_to_disk(folder, table, shards=1):
    folder.mkdir(parents=True)
    step = -(-len(table) // shards)
    names = [f"data-{number:05d}-of-{shards:05d}.arrow" for number in range(shards)]
    for number, name in enumerate(names):
        with pa.ipc.new_stream(folder / name, table.schema) as stream:
            stream.write_table(table.slice(number * step, step))
    state = {"_data_files": [{"filename": name} for name in names]}
    (folder / "state.json").write_text(json.dumps(state))
    features = {"features": {"image": {"_type": "Image"}, **HUGGING}}
    (folder / "dataset_info.json").write_text(json.dumps(features))


def a_folder(root):
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
    for number in range(30):
        (root / ("cat", "dog")[number % 2] / f"{number}.png").write_bytes(encoded(number))
    return f"folder:{root}"


def a_csv(root):
    names = files(root, 30)
    rows = [(name, ("cat", "dog")[n % 2]) for n, name in enumerate(names)]
    write_csv(root / "t.csv", ("file_name", "label"), rows)
    return f"csv:{root / 't.csv'}"


def a_parquet(root):
    root.mkdir()
    pq.write_table(hugging(30), root / "t.parquet")
    return f"parquet:{root / 't.parquet'}"


def a_hub_folder(root):
    (root / "data").mkdir(parents=True)
    pq.write_table(hugging(30), root / "data" / "train-00000-of-00001.parquet")
    pq.write_table(hugging(6, 100), root / "data" / "test-00000-of-00001.parquet")
    return f"parquet:{root}"


def a_saved(root):
    save_to_disk(root, hugging(30), shards=3)
    return f"saved:{root}"


def a_saved_dict(root):
    save_to_disk(root / "train", hugging(30))
    save_to_disk(root / "validation", hugging(6, 100))
    (root / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')
    return f"saved:{root}"


def an_npz(root):
    root.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    arrays = {"x_train": noise[:30], "y_train": labels[:30]}
    np.savez_compressed(root / "t.npz", **arrays, x_test=noise[30:], y_test=labels[30:])
    return f"npz:{root / 't.npz'}"


MAKERS = (a_folder, a_csv, a_parquet, a_hub_folder, a_saved, a_saved_dict, an_npz)


@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
class TestConforms(DatasetSuite):
    packaged = True

    @pytest.fixture(params=MAKERS)
    def dataset(self, request, tmp_path):
        return dataset(request.param(tmp_path / "Mine & yours"))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_prepared_and_found_again(tmp_path, make):
    source = make(tmp_path / "mine")
    found = prepare(source)
    assert found.spec.classes in {("cat", "dog"), ("0", "1")}
    shape = (3, 12, 10) if make is an_npz else (3, 36, 36)
    assert found.spec.sample_shape == shape
    assert all(found.spec.sizes.values())
    assert prepare(source).folder == found.folder
    assert open_prepared(found.folder).facts()["pictures"] == sum(found.spec.sizes.values())
    assert len(list((tmp_path / "cache" / "data").glob("[!.]*"))) == 1


@pytest.mark.parametrize("make", [a_hub_folder, an_npz])
@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_a_test_part_stays(tmp_path, make):
    found = prepare(make(tmp_path / "mine"))
    sizes = {"train": 27, "validation": 3, "test": 6 if make is a_hub_folder else 10}
    assert found.spec.sizes == sizes


def test_names_are_short_whatever_the_path(tmp_path):
    deep = tmp_path.joinpath(*["a_Very very_long FOLDER name" * 4] * 6) / "猫_Katzen"
    source = a_folder(deep)
    found = prepare(source)
    assert len(found.spec.name) < 45
    assert not {"/", "_"} & set(found.spec.name)
    assert found.folder.name.isascii()
    assert prepare(f"folder:{deep / '..' / deep.name}").folder == found.folder


def test_relative_and_home_paths(tmp_path, monkeypatch):
    a_folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dataset("folder:mine").name == dataset("folder:~/mine").name
    assert dataset("folder:mine").name == dataset(f"folder:{tmp_path}/mine").name


def test_a_picture_that_moves_to_another_class_is_another_data_set(tmp_path):
    source = a_folder(tmp_path / "mine")
    first = prepare(source)
    (tmp_path / "mine" / "cat" / "0.png").rename(tmp_path / "mine" / "dog" / "0.png")
    second = prepare(source)
    assert second.folder != first.folder
    assert second.spec.digest != first.spec.digest


def test_a_changed_picture_of_a_table_is_another_data_set(tmp_path):
    source = a_csv(tmp_path / "mine")
    first = prepare(source)
    (tmp_path / "mine" / "3.png").write_bytes(encoded(999))
    assert prepare(source).spec.digest != first.spec.digest


# -- copies ------------------------------------------------------------------------------------


def rows_of(found, part):
    return [row.tobytes() for row in found.inputs(part)]


@pytest.mark.parametrize("seed", range(3))
def test_copies_are_in_one_part(tmp_path, seed):
    source = a_folder(tmp_path / "mine")
    for number in range(0, 30, 2):
        for copy in range(2):
            name = f"copy-{copy}-{number}.bmp"
            odd.flat((number, 0, 90), size=(36, 36)).save(tmp_path / "mine" / "cat" / name)
    found = prepare(source, seed=seed)
    sets = [set(rows_of(found, part)) for part in PARTS]
    assert sum(map(len, sets)) == 30 == len(set.union(*sets))
    assert sum(found.spec.sizes.values()) == 60
    assert all(len(each) >= 2 for each in sets)
    assert found.facts()["copies"] == {"pictures": 30, "of": 15}


@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_copies_of_the_test_part_are_left_out_of_training(tmp_path):
    root = tmp_path / "mine"
    a_folder(root / "train")
    (root / "test" / "cat").mkdir(parents=True)
    (root / "test" / "cat" / "same.png").write_bytes(encoded(4))
    found = prepare(f"folder:{root}")
    assert found.spec.sizes == {"train": 26, "validation": 3, "test": 1}
    assert rows_of(found, "test")[0] not in rows_of(found, "train") + rows_of(found, "validation")
    left = {"reason": "also in a held-out part", "count": 1, "names": ["train/cat/4.png"]}
    assert found.facts()["skipped"] == [left]


def test_contradicting_copies_are_named_and_stay_together(tmp_path):
    source = a_folder(tmp_path / "mine")
    (tmp_path / "mine" / "dog" / "no-cat.png").write_bytes(encoded(4))
    with pytest.warns(UserWarning, match="of several classes at once: 1"):
        found = prepare(source)
    assert found.facts()["contradictions"] == {
        "count": 1,
        "pictures": [
            [{"name": "cat/4.png", "class": "cat"}, {"name": "dog/no-cat.png", "class": "dog"}]
        ],
    }
    twice = [rows for part in PARTS if len(set(rows := rows_of(found, part))) < len(rows)]
    assert len(twice) == 1


# -- tables ------------------------------------------------------------------------------------


def test_csv_of_other_forms(tmp_path):
    names = files(tmp_path / "pictures", 12)
    rows = [
        (n % 3, f"pictures/{name}", "train" if n < 9 else "Valid") for n, name in enumerate(names)
    ]
    write_csv(tmp_path / "t.csv", ("Class", "Path", "split"), rows, ";", "utf-8-sig")
    raw = dataset(f"csv:{tmp_path / 't.csv'}").load(tmp_path, download=False)
    assert raw.classes == ("0", "1", "2")
    assert raw.train[0].shape[0] == 9
    assert raw.validation[0].shape[0] == 3
    assert raw.test is None


@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_csv_rows_that_are_of_no_use_are_named(tmp_path):
    rows = [(name, "ab"[n % 2], "train") for n, name in enumerate(files(tmp_path, 6))]
    rows += [("0.png", "", "train"), ("", "a", "train"), ("1.png", "a", "holdout")]
    rows += [("gone.png", "a", "train"), ("x" * 400, "a", "train"), (tmp_path, "a", "train")]
    write_csv(tmp_path / "t.csv", ("file", "label", "split"), rows)
    raw = dataset(f"csv:{tmp_path / 't.csv'}").load(tmp_path, download=False)
    assert raw.train[0].shape[0] == 6
    assert {each["reason"]: each["names"] for each in raw.facts["skipped"]} == {
        "no label": ["0.png"],
        "no file named": ["row 9"],
        "a part that is neither train, validation nor test": ["1.png"],
        "not there": ["gone.png"],
        "cannot be read (File name too long)": ["x" * 400],
        "no regular file": [str(tmp_path)],
    }


def test_columns_by_choice(tmp_path):
    rows = [("other.png", name, f"x{n % 2}") for n, name in enumerate(files(tmp_path, 6))]
    write_csv(tmp_path / "t.csv", ("image", "where", "what"), rows)
    made = own_pictures(
        f"csv:{tmp_path / 't.csv'}", name="mine", choices=Choices(picture="where", label="what")
    )
    assert made.load(tmp_path, download=False).classes == ("x0", "x1")
    with pytest.raises(UsageError, match="has no columns to choose from"):
        own_pictures(f"folder:{tmp_path}", name="mine", choices=Choices(label="what"))


@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_parquet_rows_that_are_of_no_use_are_named(tmp_path):
    images = [{"bytes": data, "path": None} for data in pictures(8)]
    images += [None, {"bytes": None, "path": None}, {"bytes": b"no", "path": "no.png"}]
    labels = [number % 2 for number in range(8)]
    labels[6:8] = [-1, None]
    table = pa.table({"img": images, "fine_label": [*labels, 0, 0, 0]})
    features = {"info": {"features": {"fine_label": HUGGING["label"]}}}
    path = tmp_path / "t.parquet"
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), path)
    raw = dataset(f"parquet:{path}").load(tmp_path, download=False)
    assert raw.classes == ("cat", "dog")
    assert {each["reason"]: each["names"] for each in raw.facts["skipped"]} == {
        "no label": ["t.parquet row 7", "t.parquet row 8"],
        "no picture in it": ["t.parquet row 9", "t.parquet row 10"],
        "no picture": ["t.parquet row 11 (no.png)"],
        "class without a picture": ["none"],
    }


def test_parquet_with_plain_columns(tmp_path):
    names = files(tmp_path, 6)
    table = pa.table({"path": names, "category": [1.0, 2.0] * 3, "split": ["train"] * 6})
    pq.write_table(table, tmp_path / "paths.parquet")
    raw = dataset(f"parquet:{tmp_path / 'paths.parquet'}").load(tmp_path, download=False)
    assert (raw.classes, raw.train[0].shape[0]) == (("1", "2"), 6)
    table = pa.table({"jpg": pictures(6), "label": ["x", "y"] * 3})
    pq.write_table(table, tmp_path / "bytes.parquet")
    raw = dataset(f"parquet:{tmp_path / 'bytes.parquet'}").load(tmp_path, download=False)
    assert (raw.classes, raw.train[0].shape[0]) == (("x", "y"), 6)


# -- arrays ------------------------------------------------------------------------------------

GREY = (np.arange(6 * 9 * 8).reshape(6, 9, 8) % 251).astype(np.uint8)
COLOUR = np.stack([GREY, GREY // 2, GREY // 3], axis=-1)
LABELS = np.arange(6) % 2

ARRAYS = {
    "grey": (GREY, GREY[:, None]),
    "one channel": (GREY[..., None], GREY[:, None]),
    "colour": (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
    "channels first": (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
    "real": (COLOUR / 255, COLOUR.transpose(0, 3, 1, 2)),
    "single precision": ((GREY / 255).astype(np.float32), GREY[:, None]),
    "16 bits": (GREY.astype(np.uint16) * 257, GREY[:, None]),
    "wide": (GREY.astype(np.int64), GREY[:, None]),
    "two values": (GREY > 99, ((GREY > 99) * 255)[:, None]),
    "clear": (np.concatenate([COLOUR, GREY[..., None] * 0], axis=-1), np.full((6, 1, 9, 8), 255)),
}


@pytest.mark.parametrize("case", ARRAYS)
@pytest.mark.filterwarnings("ignore::lemur2.errors.DataWarning")
def test_arrays_of_every_form(tmp_path, case):
    stored, wanted = ARRAYS[case]
    np.savez(tmp_path / "t.npz", images=stored, labels=LABELS)
    raw = dataset(f"npz:{tmp_path / 't.npz'}").load(tmp_path, download=False)
    assert np.array_equal(raw.train[0][np.arange(6)], wanted)
    assert raw.train[1].tolist() == LABELS.tolist()


LABEL_FORMS = {
    "column": LABELS[:, None],
    "one hot": np.eye(2)[LABELS],
    "real": LABELS.astype(float),
    "text": np.array(["a", "b"] * 3),
    "bytes": np.array([b"a", b"b"] * 3),
    "truth": LABELS > 0,
}


@pytest.mark.parametrize("case", LABEL_FORMS)
def test_classes_of_every_form(tmp_path, case):
    np.savez(tmp_path / "t.npz", train_images=GREY, train_labels=LABEL_FORMS[case])
    raw = dataset(f"npz:{tmp_path / 't.npz'}").load(tmp_path, download=False)
    assert raw.train[1].tolist() == LABELS.tolist()
    assert len(raw.classes) == 2


def test_side_resizes_arrays(tmp_path):
    np.savez(tmp_path / "t.npz", x=COLOUR, y=LABELS)
    choices = Choices(side=16)
    made = own_pictures(f"npz:{tmp_path / 't.npz'}", name="mine", choices=choices)
    assert made.load(tmp_path, download=False).train[0].shape == (6, 3, 16, 16)


# -- what is wrong -----------------------------------------------------------------------------


def csv_of(text):
    return lambda root: (root / "t.csv").write_bytes(text) and "csv:t.csv"


def npz_of(**arrays):
    def make(root):
        np.savez(root / "t.npz", **arrays)
        return "npz:t.npz"

    return make


def parquet_of(**columns):
    def make(root):
        pq.write_table(pa.table(columns), root / "t.parquet")
        return "parquet:t.parquet"

    return make


def file_of(name, content):
    def make(root):
        (root / name).write_bytes(content)
        return f"{name.partition('.')[2]}:{name}"

    return make


def saved_without_state(root):
    (root / "s").mkdir()
    return "saved:s"


def saved_and_cut(root):
    save_to_disk(root / "s", hugging(4))
    path = root / "s" / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:1000])
    return "saved:s"


def cut_archive(root):
    npz_of(x=GREY, y=LABELS)(root)
    data = (root / "t.npz").read_bytes()
    (root / "t.npz").write_bytes(data[: len(data) // 2])
    return "npz:t.npz"


BAD = {
    "no csv": (lambda _: "csv:none.csv", "none.csv cannot be read .No such file"),
    "no parquet": (lambda _: "parquet:none.parquet", "none.parquet is not there"),
    "no saved": (lambda _: "saved:none", "none is not there"),
    "no npz": (lambda _: "npz:none.npz", "cannot be read as an archive of arrays"),
    "csv lacks pictures": (
        csv_of(b"foo,label\n1,2\n"),
        "no column of pictures .image, .*foo, l",
    ),
    "csv lacks classes": (csv_of(b"file,foo\n1,2\n"), "has no column of classes .label, class"),
    "csv is empty": (csv_of(b"\n"), "has no column of pictures"),
    "csv has no rows": (csv_of(b"file,label\n"), "has no row with a file and a class"),
    "csv is none": (csv_of(b"\xff\xfe\x00file"), "is no table of UTF-8 text"),
    "parquet is none": (
        file_of("t.parquet", b"x" * 99),
        "cannot be read as a Parquet file",
    ),
    "parquet lacks pictures": (parquet_of(a=[1], label=[1]), "has no column of pictures"),
    "parquet lacks classes": (parquet_of(image=[b"x"], a=[1]), "has no column of classes"),
    "parquet of lists": (parquet_of(image=[b"x"], label=[[1, 2]]), "has several classes a row"),
    "parquet without rows": (parquet_of(image=pa.array([], pa.binary()), label=[]), "has no rows"),
    "saved is none": (saved_without_state, "s is no saved data set: it has no state.json"),
    "saved and cut": (saved_and_cut, "cannot be read as a saved data set"),
    "npz is none": (file_of("t.npz", b"PK nothing"), "cannot be read as an archive of arrays"),
    "npz is cut": (cut_archive, "cannot be read as an archive of arrays"),
    "npz lacks classes": (npz_of(images=GREY), "has no pair of arrays .*, but images"),
    "npz of objects": (npz_of(x=GREY, y=np.array([{}] * 6)), "cannot be read as an archive"),
    "npz of text": (npz_of(x=np.array(["a"] * 6), y=LABELS), "holds <U1, no numbers of pixels"),
    "npz of vectors": (npz_of(x=GREY[:, 0], y=LABELS), r"is \(6, 8\); pictures are \(N, H, W\)"),
    "npz counts": (npz_of(x=GREY, y=LABELS[:5]), "has 6 pictures, but y 5 classes"),
    "npz of several": (npz_of(x=GREY, y=np.ones((6, 3))), "one class a picture is needed"),
    "npz of ranges": (npz_of(x=GREY - 0.5, y=LABELS), "real numbers that are not from 0 to 1"),
    "npz of negatives": (npz_of(x=GREY - 300.0, y=LABELS), "real numbers that are not from 0"),
    "npz of large": (npz_of(x=GREY.astype(int) * 9, y=LABELS), "that are not from 0 to 255"),
    "npz of halves": (npz_of(x=GREY, y=LABELS / 2), "has classes like 0.5"),
    "nothing named": (lambda _: "folder:", "'folder:' names nothing; use folder:PATH"),
    "no such kind": (
        lambda _: "foldr:x",
        "kind of data set 'foldr:'; did you mean folder:",
    ),
    "a path alone": (lambda _: ".", "'.' is no data set's name; say folder:."),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, case):
    make, wanted = BAD[case]
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    name = make(work)
    with pytest.raises(UserError, match=wanted) as raised:
        prepare(name)
    assert "\n" not in str(raised.value)
    assert not [each for each in (tmp_path / "cache").rglob("*") if each.is_file()]


# -- how it is read ----------------------------------------------------------------------------


def test_few_pictures_are_on_their_way_at_a_time(monkeypatch):
    monkeypatch.setattr("lemur2.datasets.decoding.cpus", lambda: 2)
    started, ended, most = 0, 0, 0

    def source():
        nonlocal started, most
        for number in range(500):
            started += 1
            most = max(most, started - ended)
            yield number

    for expected, (each, result) in enumerate(_parallel(lambda n: n * n, source(), 500, "")):
        ended += 1
        assert (each, result) == (expected, expected**2)
    assert ended == 500
    assert most <= 2 * 8 + 2


def test_threads_end_where_reading_is_broken_off():
    before = threading.active_count()
    going = _parallel(lambda n: n, range(100), 100, "")
    assert [next(going) for _ in range(20)][-1] == (19, 19)
    assert threading.active_count() > before
    going.close()
    assert threading.active_count() == before


def test_progress_is_told(tmp_path):
    told = []
    prepare(a_folder(tmp_path / "mine"), progress=lambda *each: told.append(each))
    reading = [each for each in told if each[0].startswith("reading folder:mine-")]
    assert reading[-1][1:] == (30, 30)
    assert [done for _, done, _ in reading] == sorted(done for _, done, _ in reading)
    assert all(done < total for _, done, total in reading[:-1])


def test_a_colour_that_never_changes_divides_by_nothing(tmp_path):
    found = prepare(a_folder(tmp_path / "mine"))
    assert found.spec.mean[1:] == pytest.approx((0, 90 / 255))
    assert found.spec.std[1:] == (1.0, 1.0)
    assert 0 < found.spec.std[0] < 0.1
