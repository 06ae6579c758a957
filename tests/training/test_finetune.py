from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cxnlp.analysis.packages import live_model, models_folder
from cxnlp.analysis.windows import Pieces
from cxnlp.errors import InputError
from cxnlp.evaluation.gold import Example, Label
from cxnlp.records import Polarity, Sentiment
from cxnlp.training.batches import all_labels, batches
from cxnlp.training.transformer import train_transformer

torch = pytest.importorskip("torch", reason="the extra train is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LABELS = all_labels()
FOLDER = models_folder() / live_model(models_folder())


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces.from_json((FOLDER / "tokenizer.json").read_text("utf-8"))


def network():
    from transformers import BertConfig, BertModel

    from cxnlp.training.network import Network

    torch.manual_seed(0)
    config = BertConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    return Network(BertModel(config, add_pooling_layer=False), len(LABELS), hidden=16, layers=2)


def examples() -> list[Example]:
    rude = (Label("staff_attitude", Polarity.NEGATIVE, 0, 4),)
    return [
        Example(str(n), "own", "rude man" if n % 2 else "late bus", overall=Sentiment.NEGATIVE, churn=False,
                findings=rude if n % 2 else ())
        for n in range(32)
    ]  # fmt: skip


def fit(pieces: Pieces, folder: Path, *, epochs: int = 2, stop: bool = False, of: list[Example] | None = None):
    from cxnlp.training.finetune import Recipe, fine_tune

    fitted, lines = network(), []

    def progress(line: str) -> None:
        lines.append(line)
        if stop and line.startswith("epoch 2"):
            raise KeyboardInterrupt

    try:
        fine_tune(
            fitted,
            of or examples(),
            pieces,
            LABELS,
            recipe=Recipe(epochs=epochs, batch=8, head_rate=1e-2),
            folder=folder,
            measure=lambda _: "",
            progress=progress,
        )
    except KeyboardInterrupt:
        assert stop
    return fitted, lines


def test_it_learns(pieces: Pieces, tmp_path: Path) -> None:
    from cxnlp.training.network import loss_of

    (batch,) = batches(examples(), pieces, LABELS, size=32, seed=None)
    fitted, _ = fit(pieces, tmp_path, epochs=4)
    with torch.inference_mode():
        assert loss_of(fitted.eval(), batch) < 0.4 * loss_of(network().eval(), batch)


def test_a_resumed_run_equals_an_unbroken_one(pieces: Pieces, tmp_path: Path) -> None:
    whole, _ = fit(pieces, tmp_path / "whole", epochs=3)
    fit(pieces, tmp_path / "broken", epochs=3, stop=True)
    resumed, lines = fit(pieces, tmp_path / "broken", epochs=3)
    assert [line.split(":")[0] for line in lines] == ["epoch 2 of 3", "epoch 3 of 3"]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_checkpoint_of_other_data_or_another_recipe_is_refused(pieces: Pieces, tmp_path: Path) -> None:
    fit(pieces, tmp_path, epochs=1)
    with pytest.raises(InputError, match="name another --work"):
        fit(pieces, tmp_path, epochs=2)
    with pytest.raises(InputError, match="other data"):
        fit(pieces, tmp_path, epochs=1, of=examples()[:-1])


def test_a_run_killed_while_it_writes_goes_on_from_the_epoch_before(pieces: Pieces, tmp_path: Path) -> None:
    whole, _ = fit(pieces, tmp_path / "whole", epochs=3)
    fit(pieces, tmp_path / "broken", epochs=3, stop=True)
    (tmp_path / "broken/epoch-2").mkdir()
    (tmp_path / "broken/epoch-2/network.safetensors").write_bytes(b"half a file")
    resumed, _ = fit(pieces, tmp_path / "broken", epochs=3)
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())


def test_padding_changes_nothing(pieces: Pieces) -> None:
    short, long = Example("a", "own", "rude man"), Example("b", "own", "the man was rude and late " * 5)
    (both,) = batches([short, long], pieces, LABELS, size=2, seed=None)
    (alone,) = batches([short], pieces, LABELS, size=1, seed=None)
    fitted = network().eval()
    with torch.inference_mode():
        one, two = (fitted(*map(torch.from_numpy, (b.ids, b.mask, b.text))) for b in (alone, both))
    for together, single in zip(two[1:], one[1:], strict=True):
        assert torch.allclose(together[0], single[0], atol=1e-5)


def test_the_exported_network_gives_the_same(pieces: Pieces, tmp_path: Path) -> None:
    from cxnlp.analysis.transformer import Encoder, open_session
    from cxnlp.training.export import export_onnx, quantise

    fitted = network().eval()
    text = "The man was rude 😀 and late"
    (batch,) = batches([Example("a", "own", text)], pieces, LABELS, size=1, seed=None)
    with torch.inference_mode():
        outputs = fitted.both(*map(torch.from_numpy, (batch.ids, batch.mask, batch.text)))
    export_onnx(fitted, tmp_path / "full_lower.onnx", tmp_path / "full_upper.onnx")
    for half in ("lower", "upper"):
        quantise(tmp_path / f"full_{half}.onnx", tmp_path / f"eight_{half}.onnx")
    for name, near in (("full", 1e-4), ("eight", 0.2)):
        halves = [open_session(tmp_path / f"{name}_{half}.onnx") for half in ("lower", "upper")]
        for early, (tokens, labels, overall, churn) in zip((True, False), outputs, strict=True):
            encoder = Encoder(halves, pieces, sure=lambda _, early=early: early)
            (scores,) = encoder.scores([text], [None])
            assert scores.early is early
            assert scores.labels.tolist() == pytest.approx(labels[0].tolist(), abs=near)
            assert scores.overall.tolist() == pytest.approx(overall[0].tolist(), abs=near)
            assert scores.churn == pytest.approx(float(churn), abs=near)
            assert scores.pieces.shape == (tokens.shape[1] - 3, len(LABELS))


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lacks config\.json"):
        list(train_transformer([], None, tmp_path / "minilm/1.0.0", encoder=tmp_path, work=tmp_path))
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"other weights")
    with pytest.raises(InputError, match="is not all-MiniLM-L6-v2"):
        list(train_transformer([], None, tmp_path / "minilm/1.0.0", encoder=tmp_path, work=tmp_path))
