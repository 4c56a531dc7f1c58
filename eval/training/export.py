"""The network to ONNX, and to int8: dynamic, a scale a channel."""

import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn import functional

from eval.training.model import MINILM, Layer, Network

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class Plain(nn.Module):
    """The same network in operators that the quantiser knows, with BERT's inputs."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        network = self.network
        place = torch.cumsum(torch.ones_like(input_ids), 1) - 1
        x = network.norm(network.words(input_ids) + network.places(place) + network.kinds(token_type_ids))
        bias = ((1 - attention_mask).float() * -1e4)[:, None, None, :]
        for layer in network.layers:
            assert isinstance(layer, Layer)
            x = _attend(layer, x, bias)
        return network.cls_head(torch.tanh(network.pool(x[:, 0]))), network.token_head(x)


def _attend(layer: Layer, x: Tensor, bias: Tensor) -> Tensor:
    batch, length, _ = x.shape
    # A number, where the tracer would make a tensor of the shape.
    hidden = layer.out.in_features
    size = hidden // layer.heads
    query, key, value = (
        part.reshape(batch, length, layer.heads, size).transpose(1, 2) for part in layer.qkv(x).split(hidden, dim=-1)
    )
    attended = torch.softmax(query @ key.transpose(-1, -2) * size**-0.5 + bias, -1) @ value
    x = layer.n1(x + layer.out(attended.transpose(1, 2).reshape(batch, length, hidden)))
    done: Tensor = layer.n2(x + layer.down(functional.gelu(layer.up(x))))
    return done


def export(network: Network, out: Path) -> str:
    """Writes the int8 model to `out`; its sha256."""
    if network.config.relative:
        raise ValueError("Only a network of BERT's kind is exported; this one has MPNet's attention.")
    out.parent.mkdir(parents=True, exist_ok=True)
    full = out.with_suffix(".fp32.onnx")
    ids = torch.randint(1000, 2000, (2, 12))
    ones = torch.ones_like(ids)
    axes = {name: {0: "batch", 1: "length"} for name in (*INPUTS, "tokens")} | {"cls": {0: "batch"}}
    with torch.no_grad():
        torch.onnx.export(
            Plain(network).eval(), (ids, ones, ones), str(full), input_names=list(INPUTS),
            output_names=["cls", "tokens"], dynamic_axes=axes, opset_version=17, dynamo=False,
        )  # fmt: skip
    quantize_dynamic(
        full,
        out,
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gather", "Gemm"],
        extra_options={"MatMulConstBOnly": True},
    )
    full.unlink()
    return hashlib.sha256(out.read_bytes()).hexdigest()


_LINEAR = re.compile(r"(qkv|out|up|down|pool|cls_head|token_head)(?:_(\d+))?/(?:Gemm_)?MatMul_quant$")


def load_exported(path: Path) -> Network:
    """The network of an exported int8 model, to train on from: its weights with the rounding of int8 in them."""
    graph = onnx.load(str(path)).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def whole(name: str) -> npt.NDArray[np.float32]:
        zero = stored[f"{name}_zero_point"].astype(np.float32)
        return np.asarray((stored[f"{name}_quantized"].astype(np.float32) - zero) * stored[f"{name}_scale"], np.float32)

    # Names begin with that of the module that was exported.
    plain = {name.split(".", 1)[1]: value for name, value in stored.items() if "." in name and value.ndim == 1}
    state = {name: value for name, value in plain.items() if name.endswith((".bias", ".weight"))}
    for name in stored:
        if name.endswith(".weight_quantized"):
            state[name.split(".", 1)[1].removesuffix("_quantized")] = whole(name.removesuffix("_quantized"))
    for node in graph.node:
        match = _LINEAR.search(node.name)
        if match:
            layer = f"layers.{match[2] or 0}." if match[1] in ("qkv", "out", "up", "down") else ""
            state[f"{layer}{match[1]}.weight"] = whole(node.input[1].removesuffix("_quantized")).T.copy()
    network = Network(MINILM)
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in state.items()})
    return network
