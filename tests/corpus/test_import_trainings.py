"""Records to trainings, and names: pure functions."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.corpus.importing.naming import read_name, split_folder
from lemur2.corpus.importing.trainings import Record, group, merge, read_record, seconds

records = st.builds(
    Record,
    epoch=st.integers(0, 4),
    score=st.sampled_from([0.1, 0.5, math.nan]),
    elapsed=st.none() | st.integers(0, 10),
    stated=st.none(),
    uid=st.sampled_from([None, "a", "b"]),
    transform=st.sampled_from(["echo", "norm"]),
    hyperparameters=st.sampled_from([{}, {"lr": 0.1}, {"lr": 0.2, "nested": [1]}]),
)
folders = st.lists(records, max_size=12)


def text(record: Record) -> str:
    columns = (record.uid, record.transform, record.hyperparameters, record.epoch)
    return json.dumps([*columns, record.score, record.elapsed])


def shape(trainings) -> list:
    return sorted([text(record) for record in training.records] for training in trainings)


@given(folders)
def test_every_record_is_in_one_training(found):
    trainings = list(group(found))
    grouped = [record for training in trainings for record in training.records]
    assert sorted(map(text, grouped)) == sorted(map(text, found))
    for training in trainings:
        numbers = [record.epoch for record in training.records]
        assert numbers == sorted(set(numbers))
        for record in training.records:
            same = (record.uid, record.transform, record.hyperparameters)
            assert same == (training.uid, training.transform, training.hyperparameters)


@given(folders, st.randoms())
def test_the_order_of_records_does_not_matter(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert shape(group(found)) == shape(group(shuffled))


@given(folders)
def test_seconds_add_up_to_what_was_recorded(found):
    for training in group(found):
        last_epoch, total = 0, 0.0
        for record, spent in zip(training.records, seconds(training), strict=True):
            if spent is None:
                assert record.elapsed is None or record.elapsed < round(total * 1e9)
                continue
            assert spent >= 0
            total += spent * max(1, record.epoch - last_epoch)
            assert round(total * 1e9) == record.elapsed
            last_epoch = record.epoch


@given(folders, folders)
def test_merging_has_all_of_both_and_no_more(one, two):
    merged = sorted(map(text, merge(one, two)))
    assert sorted(map(text, merge(merge(one, two), two))) == merged
    assert sorted(map(text, merge(one, one))) == sorted(map(text, one))
    by_key = {(r.uid, r.transform, r.epoch, str(r.score), r.elapsed) for r in one + two}
    assert by_key == {
        (r.uid, r.transform, r.epoch, str(r.score), r.elapsed) for r in merge(one, two)
    }
    assert len(merged) >= max(len(one), len(two))


def test_names():
    networks = {"AlexNet", "RESNETLSTM", "AirNext"}
    md5, uuid = "0" * 32, "00000000-0000-0000-0000-000000000000"
    told = {name: read_name(name, networks) for name in (
        f"ast-dimension-AlexNet-{md5}",
        f"C5C-RESNETLSTM-{md5}",
        f"alt-nn1-{md5}",
        f"AirNext-{uuid}",
        "ga-mut-17",
        "AlexNet",
        "MoE-0707-AirNext",
        md5,
    )}  # fmt: skip
    assert {name: (found.family, found.prefix, found.parent) for name, found in told.items()} == {
        f"ast-dimension-AlexNet-{md5}": ("ast-dimension", "ast-dimension-AlexNet", "AlexNet"),
        f"C5C-RESNETLSTM-{md5}": ("C5C", "C5C-RESNETLSTM", "RESNETLSTM"),
        f"alt-nn1-{md5}": ("alt-nn1", "alt-nn1", None),
        f"AirNext-{uuid}": ("AirNext", "AirNext", None),
        "ga-mut-17": ("ga-mut", "ga-mut", None),
        "AlexNet": ("AlexNet", None, None),
        "MoE-0707-AirNext": ("MoE-0707-AirNext", None, None),
        md5: ("", None, None),
    }


def test_folders():
    networks = {"Net", "my_net", "a_b_c"}
    for folder, parts in (
        ("task_data_acc_Net", ("task", "data", "acc", "Net")),
        ("task_data_acc_my_net", ("task", "data", "acc", "my_net")),
        ("task_data_acc_a_b_c", ("task", "data", "acc", "a_b_c")),
        ("task_data_top_5_Net", ("task", "data", "top_5", "Net")),
        ("task_data_acc_some_thing", ("task", "data", "acc", "some_thing")),
        ("task_data_Net", None),
        ("_data_acc_Net", None),
        ("task_data_acc_", None),
    ):
        assert split_folder(folder, 4, networks) == parts


@pytest.mark.parametrize(
    ("duration", "elapsed"),
    [
        (0, 0),
        ((1 << 62) - 1, (1 << 62) - 1),
        (1 << 62, None),
        (-1, None),
        (1.5, None),
        (True, None),
    ],
)
def test_what_is_no_duration_in_nanoseconds_is_not_known(duration, elapsed):
    assert read_record({"accuracy": 0.5, "duration": duration}, 1).elapsed == elapsed
