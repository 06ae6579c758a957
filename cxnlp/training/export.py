"""Export the network for ONNX Runtime, in full precision and in eight bits (PyTorch and onnx; extra `train`)."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from cxnlp.training.network import Network

OPSET = 17
OUTPUTS = ("tokens", "labels", "overall", "churn")


class _Lower(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, ...]:
        hidden = self.network.lower(ids, mask, text)
        return hidden, *self.network.early(hidden, text)


class _Upper(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs: tuple[torch.Tensor, ...] = self.network.heads(self.network.upper(hidden, mask), text)
        return outputs


def export_onnx(network: Network, lower: Path, upper: Path) -> None:
    """Write both halves of the network in full precision; the numbers of comments and of pieces stay free.

    The lower half reads pieces and gives hidden states and the middle layer's log-odds, the upper half goes on.
    """
    network.eval()
    network.encoder.set_attn_implementation("eager")
    ids = torch.tensor([[101, 102, 2023, 2003, 102], [101, 102, 2023, 102, 0]])
    mask, text = (ids != 0).long(), torch.tensor([[0, 0, 1, 1, 0], [0, 0, 1, 0, 0]])
    with torch.inference_mode():
        hidden = network.lower(ids, mask, text)
        _export(_Lower(network), {"ids": ids, "mask": mask, "text": text}, ("hidden", *OUTPUTS), lower)
        _export(_Upper(network), {"hidden": hidden, "mask": mask, "text": text}, OUTPUTS, upper)


def _export(module: nn.Module, inputs: dict[str, torch.Tensor], outputs: tuple[str, ...], path: Path) -> None:
    with warnings.catch_warnings():
        # The exporter by tracing is deprecated; the one that follows it needs a library more for the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={
                name: {0: "comments", 1: "pieces"} if name in {*inputs, "hidden", "tokens"} else {0: "comments"}
                for name in (*inputs, *outputs)
            },
            opset_version=OPSET,
            dynamo=False,
        )


def quantise(full: Path, path: Path) -> None:
    """Write the exported network with weights of eight bits, per channel, activations scaled at run time.

    Seven bits are used of each weight (reduce_range): sums of eight overflow on processors without VNNI.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_suffix(".prepared.onnx")
    quant_pre_process(str(full), str(prepared), skip_symbolic_shape=True)
    quantize_dynamic(str(prepared), str(path), per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    prepared.unlink()
