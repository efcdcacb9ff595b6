"""Weights in 8 or 4 bits: less memory, a little less exact.

Each linear layer but the last one is rounded to the nearest as it is: 8 bits with a
scale for each row, 4 bits with a scale and a middle for each 32 weights. Embeddings,
norms and the last layer stay as they are. On a CPU torch's own kernels multiply them,
with activations as bfloat16; elsewhere the weights of a layer are made whole for the
time of its product.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from chat.engines.base import EngineError
from chat.engines.local.weights import FLOATS, Stored

logger = logging.getLogger(__name__)

Quantization = Literal["none", "int8", "int4"]
GROUP = 32
ROWS = 16
"""The kernel for 4 bits takes so many rows at a time."""
KEPT = ("embed", "lm_head", "norm", "wte", "wpe")
"""Parts of the names of matrices that are no linear layer, or the last one."""


class Rounded(nn.Module):
    """In the place of a linear layer."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        bias = None if layer.bias is None else layer.bias.detach()
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., in]; returns [..., out]"""
        flat = x.reshape(-1, self.in_features)
        if x.device.type == "cpu":
            flat = self.product(flat.bfloat16()).to(x.dtype)
        else:
            flat = linear(flat, self.whole(x.dtype))
        y = flat.view(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias.to(x.dtype)

    @abstractmethod
    def product(self, x: Tensor) -> Tensor:
        """By torch's kernel for CPUs. x: [n, in], bfloat16."""

    @abstractmethod
    def whole(self, dtype: torch.dtype) -> Tensor:
        """The weights, [out, in]."""


class Int8Linear(Rounded):
    weight: Tensor
    scale: Tensor

    def __init__(self, layer: nn.Linear, place: str) -> None:
        super().__init__(layer)
        weight = layer.weight.detach().float()
        scale = weight.abs().amax(1).clamp(min=1e-9) / 127
        self.register_buffer("weight", (weight / scale[:, None]).round().to(torch.int8))
        self.register_buffer("scale", scale.bfloat16())

    def product(self, x: Tensor) -> Tensor:
        return torch._weight_int8pack_mm(x, self.weight, self.scale)

    def whole(self, dtype: torch.dtype) -> Tensor:
        return self.weight.to(dtype) * self.scale.to(dtype)[:, None]


class Int4Linear(Rounded):
    """`weight`: two in a byte; on a CPU as its kernel wants them, elsewhere the even
    ones in the low halves, [out, in / 2]. `scales`: [in / 32, out, 2], of each group
    the step and the middle."""

    weight: Tensor
    scales: Tensor

    def __init__(self, layer: nn.Linear, place: str) -> None:
        super().__init__(layer)
        groups = layer.weight.detach().float().unflatten(1, (-1, GROUP))
        low, high = groups.amin(-1), groups.amax(-1)
        step = ((high - low) / 15).clamp(min=1e-9)
        steps = ((groups - low[..., None]) / step[..., None]).round().clamp(0, 15)
        steps = steps.to(torch.int32).flatten(1)
        if place == "cpu":
            packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(steps, 1)
        else:
            packed = (steps[:, 0::2] | (steps[:, 1::2] << 4)).to(torch.uint8)
        scales = torch.stack((step.T, (low + 8 * step).T), -1)
        self.register_buffer("weight", packed)
        self.register_buffer("scales", scales.bfloat16().contiguous())

    def product(self, x: Tensor) -> Tensor:
        product: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(
            x, self.weight, GROUP, self.scales
        )
        return product

    def whole(self, dtype: torch.dtype) -> Tensor:
        steps = torch.stack((self.weight & 15, self.weight >> 4), -1).flatten(1)
        step, middle = self.scales.to(dtype).permute(2, 1, 0)[..., None]
        groups = (steps.to(dtype) - 8).unflatten(1, (-1, GROUP))
        return (groups * step + middle).flatten(1)


LAYERS = {"int8": Int8Linear, "int4": Int4Linear}


def quantize(
    name: str, model: nn.Module, how: Quantization, place: str, dtype: torch.dtype
) -> None:
    """Round the layers in place; what stays whole becomes `dtype`. Raises EngineError
    where there is nothing to round."""
    found = [
        (parent, key)
        for path, parent in model.named_modules()
        for key, layer in parent.named_children()
        if isinstance(layer, nn.Linear) and fits(f"{path}.{key}", layer.weight.shape)
    ]
    if not found:
        raise EngineError(
            "quantization_impossible",
            f"{name} has no layers that can be rounded to {how}: set CHAT_QUANTIZATION"
            " to none.",
        )
    for parent, key in found:  # one goes as its successor comes
        setattr(parent, key, LAYERS[how](getattr(parent, key), place))
    for module in model.modules():
        if not isinstance(module, Rounded):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(dtype)
    logger.info("%s: %d layers as %s", name, len(found), how)


def fits(name: str, shape: Sequence[int]) -> bool:
    """The kernels check nothing: other shapes would crash the process."""
    if any(part in name for part in KEPT) or len(shape) != 2:
        return False
    rows, columns = shape
    return rows % ROWS == 0 and columns % GROUP == 0


def refuse_quantized(name: str, config: dict[str, Any]) -> None:
    """Raises EngineError where the model is stored rounded by its authors."""
    if "quantization_config" in config:
        raise EngineError(
            "quantization_impossible",
            f"{name} is quantised as it is: set CHAT_QUANTIZATION to none for it, or"
            " choose the original.",
        )


def rounded_bytes(tensor: Stored, how: Quantization, itemsize: int) -> int:
    """In memory; what is not rounded takes so many bytes a number."""
    if tensor.dtype not in FLOATS or not fits(tensor.name, tensor.shape):
        return tensor.bytes_as(itemsize)
    rows, columns = tensor.shape
    if how == "int8":
        return rows * columns + 2 * rows
    return rows * columns // 2 + 4 * rows * columns // GROUP
