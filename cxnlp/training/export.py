"""Export the network for ONNX Runtime, in full precision and in eight bits (PyTorch and onnx; extra `train`)."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from cxnlp.training.network import Network

OPSET = 17
INPUTS = ("ids", "mask", "text")
OUTPUTS = ("tokens", "labels", "overall", "churn")


def export_onnx(network: Network, path: Path) -> None:
    """Write the network in full precision; the numbers of comments and of pieces stay free."""
    network.eval()
    network.encoder.set_attn_implementation("eager")
    example = torch.tensor([[101, 102, 2023, 2003, 102], [101, 102, 2023, 102, 0]])
    text = torch.tensor([[0, 0, 1, 1, 0], [0, 0, 1, 0, 0]])
    free = {name: {0: "comments", 1: "pieces"} for name in (*INPUTS, "tokens")}
    free |= {name: {0: "comments"} for name in OUTPUTS[1:]}
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter by tracing is deprecated; the one that follows it needs a library more for the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example, (example != 0).long(), text),
            str(path),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=free,
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
