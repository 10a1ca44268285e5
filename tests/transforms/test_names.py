import pytest
from torchvision import transforms as T

from lemur2.errors import UsageError, UserError
from lemur2.transforms import transform_names, transform_source


def operations(name):
    namespace = {}
    exec(transform_source(name).source, namespace)
    return namespace["transform"](((0.5,), (0.25,))).transforms


def test_the_family_has_42_names():
    names = transform_names()
    assert len(set(names)) == len(names) == 3 * 7 * 2
    assert {"norm", "echo_flip", "complex_512_flip", "norm_256_flip", "echo_299"} <= set(names)


@pytest.mark.parametrize("name", transform_names())
def test_every_name_defines_its_transform(name):
    found = transform_source(name)
    assert found.name == name
    assert all(callable(each) for each in operations(name))


def test_norm_resizes_the_shorter_side_and_crops():
    resize, crop, flip, to_tensor, normalize = operations("norm_64_flip")
    assert (resize.size, tuple(crop.size)) == (64, (64, 64))
    assert (type(flip), flip.p) == (T.RandomHorizontalFlip, 0.5)
    assert type(to_tensor) is T.ToTensor
    assert (normalize.mean, normalize.std) == ((0.5,), (0.25,))


def test_echo_squeezes_and_does_not_normalise():
    resize, to_tensor = operations("echo_299")
    assert tuple(resize.size) == (299, 299)
    assert type(to_tensor) is T.ToTensor


def test_complex_ends_in_complex_numbers():
    names = [type(each).__name__ for each in operations("complex_32_flip")]
    assert names == ["Resize", "RandomHorizontalFlip", "ScaleToUnit", "ToTensor", "ToComplex"]


@pytest.mark.parametrize("name", ["norm_33", "nrom_32", "norm_32_flop", "norm_"])
def test_unknown_name_gives_close_ones(name):
    with pytest.raises(UsageError, match=r"unknown transform .*did you mean .*norm"):
        transform_source(name)


def test_file_is_read(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def transform(norm):\n    return None\n")
    assert transform_source(path).name == "mine"
    assert transform_source(str(path)).source == path.read_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"def other(norm):\n    pass\n", "defines no function transform"),
        (b"def transform(norm:\n", "is not Python: line 1"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_unusable_file(tmp_path, content, message):
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        transform_source(path)
