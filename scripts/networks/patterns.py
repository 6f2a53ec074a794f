"""Small modules whose exports show the patterns that front ends meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Shapes = tuple[tuple[int, ...], ...]
IMAGE: Shapes = ((1, 4, 6, 8),)
TOKENS: Shapes = ((1, 5, 8),)
VECTOR: Shapes = ((1, 12),)


class Formula(nn.Module):
    """Layers and a formula over them and the inputs."""

    def __init__(self, formula: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        self.formula = formula

    def forward(self, *inputs: Tensor) -> Any:
        """What the formula makes of the layers and the inputs."""
        return self.formula(self.layers, *inputs)


def conv(inputs: int = 4, outputs: int = 6, kernel: int = 3, **options: Any) -> nn.Conv2d:
    """A convolution; 3 x 3 with same padding unless told otherwise."""
    return nn.Conv2d(inputs, outputs, kernel, **{"padding": kernel // 2, **options})


def after_conv(activation: nn.Module) -> nn.Module:
    """A convolution and what follows it."""
    return nn.Sequential(conv(), activation)


def convolutions() -> dict[str, tuple[nn.Module, Shapes]]:
    """Convolutions and what surrounds them."""
    return {
        "conv_bn_relu": (nn.Sequential(conv(), nn.BatchNorm2d(6), nn.ReLU()), IMAGE),
        "bn_conv": (nn.Sequential(nn.BatchNorm2d(4), conv()), IMAGE),
        "bn_after_concat": (
            Formula(
                lambda m, x: m["bn"](torch.cat([m["a"](x), m["b"](x)], 1)).relu(),
                a=conv(),
                b=conv(4, 6, 1),
                bn=nn.BatchNorm2d(12),
            ),
            IMAGE,
        ),
        "conv_grouped": (conv(4, 6, 3, groups=2), IMAGE),
        "conv_depthwise_multiplier": (conv(4, 8, 3, groups=4), IMAGE),
        "conv_dilated_depthwise": (conv(4, 4, 3, groups=4, dilation=2, padding=2), IMAGE),
        "conv_uneven": (nn.Conv2d(4, 6, (1, 3), (2, 1), (0, 2)), IMAGE),
        "conv_valid_strided": (conv(4, 6, 3, stride=2, padding=0), IMAGE),
        "conv_same_word": (conv(4, 6, 4, padding="same"), IMAGE),
        "conv_transposed": (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), IMAGE),
        "conv_shared": (Formula(lambda m, x: m["c"](m["c"](x).relu()), c=conv(4, 4)), IMAGE),
        "conv_1d": (nn.Conv1d(5, 6, 3, padding=1), TOKENS),
        "pixel_shuffle": (nn.Sequential(conv(4, 8), nn.PixelShuffle(2)), IMAGE),
        "inception": (
            Formula(
                lambda m, x: torch.cat(
                    [m["a"](x), m["b"](x), functional.max_pool2d(x, 3, 1, 1)], 1
                ),
                a=conv(4, 2, 1),
                b=conv(4, 3),
            ),
            IMAGE,
        ),
    }


def activations() -> dict[str, tuple[nn.Module, Shapes]]:
    """Activations after a convolution or a linear layer."""
    after = {
        "relu6": nn.ReLU6(),
        "hardtanh": nn.Hardtanh(-0.5, 0.75),
        "leaky_relu": nn.LeakyReLU(0.2),
        "prelu_one": nn.PReLU(),
        "prelu_channels": nn.PReLU(6),
        "elu": nn.ELU(),
        "silu": nn.SiLU(),
        "mish": nn.Mish(),
        "softplus": nn.Softplus(),
        "hardswish": nn.Hardswish(),
        "hardsigmoid": nn.Hardsigmoid(),
        "sigmoid": nn.Sigmoid(),
        "tanh": nn.Tanh(),
        "softmax_channels": nn.Softmax(1),
    }
    return {name: (after_conv(layer), IMAGE) for name, layer in after.items()} | {
        "gelu": (nn.Sequential(nn.Linear(8, 6), nn.GELU(), nn.Linear(6, 3)), TOKENS),
        "gelu_tanh": (nn.GELU("tanh"), TOKENS),
        "log_softmax": (nn.Sequential(nn.Linear(12, 5), nn.LogSoftmax(-1)), VECTOR),
        "clamp_below": (Formula(lambda _, x: x.clamp(min=-0.25)), IMAGE),
        "where_positive": (Formula(lambda _, x: torch.where(x > 0, x, 0.5 * x)), IMAGE),
    }


def pools() -> dict[str, tuple[nn.Module, Shapes]]:
    """Pools, reductions, resizing and padding."""
    formulas: dict[str, Callable[[Any, Tensor], Any]] = {
        "mean_space": lambda _, x: x.mean((2, 3)),
        "mean_space_kept": lambda _, x: x.mean((2, 3), keepdim=True),
        "mean_channels": lambda _, x: x.mean(1),
        "max_space": lambda _, x: x.amax((2, 3)),
        "sum_rows": lambda _, x: x.sum(2),
        "adaptive_two": lambda _, x: functional.adaptive_avg_pool2d(x, (2, 2)),
        "avg_pool_excluding_pad": lambda _, x: functional.avg_pool2d(
            x, 3, 2, 1, count_include_pad=False
        ),
        "avg_pool_including_pad": lambda _, x: functional.avg_pool2d(x, 3, 2, 1),
        "avg_pool_ceil": lambda _, x: functional.avg_pool2d(x, 3, 2, ceil_mode=True),
        "max_pool_ceil": lambda _, x: functional.max_pool2d(x, 3, 2, ceil_mode=True),
        "max_pool_dilated": lambda _, x: functional.max_pool2d(x, 2, 1, dilation=2),
        "resize_nearest": lambda _, x: functional.interpolate(x, scale_factor=3.0),
        "resize_size": lambda _, x: functional.interpolate(x, (9, 11)),
        "resize_bilinear": lambda _, x: functional.interpolate(x, (12, 16), mode="bilinear"),
        "resize_corners": lambda _, x: functional.interpolate(
            x, (11, 15), mode="bilinear", align_corners=True
        ),
        "pad_constant": lambda _, x: functional.pad(x, (1, 2, 0, 3), value=0.5),
        "pad_reflect": lambda _, x: functional.pad(x, (1, 2, 2, 1), "reflect"),
        "pad_edge": lambda _, x: functional.pad(x, (1, 2, 2, 1), "replicate"),
    }
    return {name: (Formula(formula), IMAGE) for name, formula in formulas.items()}


def movements() -> dict[str, tuple[nn.Module, Shapes]]:
    """Reshaping, slicing, splitting and reordering around convolutions."""
    return {
        "flatten_linear": (nn.Sequential(conv(), nn.Flatten(), nn.Linear(288, 5)), IMAGE),
        "view_linear": (
            Formula(
                lambda m, x: m["l"](m["c"](x).view(x.shape[0], -1)), c=conv(), l=nn.Linear(288, 5)
            ),
            IMAGE,
        ),
        "channels_last_input": (
            Formula(lambda m, x: m["c"](x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), c=conv()),
            ((1, 6, 8, 4),),
        ),
        "linear_over_channels": (
            Formula(
                lambda m, x: m["l"](m["c"](x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
                c=conv(),
                l=nn.Linear(6, 3),
            ),
            IMAGE,
        ),
        "channel_shuffle": (
            Formula(
                lambda m, x: m["b"](
                    m["a"](x).view(1, 2, 3, 6, 8).transpose(1, 2).reshape(1, 6, 6, 8)
                ),
                a=conv(4, 6),
                b=conv(6, 4),
            ),
            IMAGE,
        ),
        "chunk_swap": (
            Formula(lambda m, x: torch.cat(m["c"](x).chunk(2, 1)[::-1], 1), c=conv()),
            IMAGE,
        ),
        "slice_steps": (Formula(lambda m, x: m["c"](x)[:, 1:5, ::2, 1:-1], c=conv()), IMAGE),
        "focus": (
            Formula(
                lambda m, x: m["c"](
                    torch.cat([x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)], 1)
                ),
                c=conv(16, 6),
            ),
            IMAGE,
        ),
        "stack_unbind": (
            Formula(lambda _, x: torch.stack([p * 2 for p in x.unbind(1)], -1)),
            IMAGE,
        ),
        "image_to_tokens": (
            Formula(
                lambda m, x: m["l"](m["c"](x).flatten(2).transpose(1, 2)),
                c=conv(),
                l=nn.Linear(6, 4),
            ),
            IMAGE,
        ),
        "squeeze_to_1d": (
            Formula(lambda m, x: m["d"](m["c"](x).mean(2)), c=conv(), d=nn.Conv1d(6, 3, 3)),
            IMAGE,
        ),
        "expand": (Formula(lambda m, x: m["c"](x) * x[:, :1].expand(1, 6, 6, 8), c=conv()), IMAGE),
    }


class Constants(nn.Module):
    """Normalises with buffers and adds a learnt map, as preprocessing inside a model does."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, -0.2, 0.3, 0.0]).view(4, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.5, 0.6, 0.7, 0.8]).view(4, 1, 1))
        self.position = nn.Parameter(torch.randn(1, 6, 6, 8))
        self.conv = conv()

    def forward(self, x: Tensor) -> Tensor:
        """[1, 4, 6, 8] to [1, 6, 6, 8]."""
        return self.conv((x - self.mean) / self.deviation) + self.position


def tokens() -> dict[str, tuple[nn.Module, Shapes]]:
    """Normalisation, matrix products, several inputs and outputs."""
    pair = (IMAGE[0], IMAGE[0])
    return {
        "constants": (Constants(), IMAGE),
        "layer_norm": (nn.Sequential(nn.Linear(8, 6), nn.LayerNorm(6)), TOKENS),
        "group_norm": (nn.Sequential(conv(), nn.GroupNorm(2, 6)), IMAGE),
        "instance_norm": (nn.Sequential(conv(), nn.InstanceNorm2d(6, affine=True)), IMAGE),
        "linear_no_bias": (nn.Linear(8, 3, bias=False), TOKENS),
        "mixer": (
            Formula(lambda m, x: x + m["l"](x.transpose(1, 2)).transpose(1, 2), l=nn.Linear(5, 5)),
            TOKENS,
        ),
        "attention": (
            Formula(
                lambda m, x: (
                    (m["q"](x) @ m["k"](x).transpose(1, 2) / 8**0.5).softmax(-1) @ m["v"](x)
                ),
                q=nn.Linear(8, 8),
                k=nn.Linear(8, 8),
                v=nn.Linear(8, 8),
            ),
            TOKENS,
        ),
        "einsum": (Formula(lambda _, x, y: torch.einsum("bij,bkj->bik", x, y)), TOKENS * 2),
        "two_inputs": (Formula(lambda m, x, y: m["c"](x) + m["c"](y), c=conv()), pair),
        "two_outputs": (
            Formula(lambda m, x: (m["c"](x), x.mean((2, 3)) * 2), c=conv(4, 4)),
            IMAGE,
        ),
        "argmax": (Formula(lambda m, x: m["l"](x).argmax(-1), l=nn.Linear(12, 5)), VECTOR),
        "input_is_output": (Formula(lambda m, x: (x, m["l"](x)), l=nn.Linear(12, 5)), VECTOR),
        "gru": (Formula(lambda m, x: m["g"](x)[0], g=nn.GRU(8, 4, batch_first=True)), TOKENS),
    }


def patterns() -> dict[str, tuple[nn.Module, Shapes]]:
    """All modules, set to inference, with the shapes of their inputs.

    Batch normalisation gets statistics that are not those of a fresh layer.
    """
    torch.manual_seed(7)
    found = convolutions() | activations() | pools() | movements() | tokens()
    for module, _ in found.values():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.uniform_(-0.5, 0.5)
                layer.running_var.uniform_(0.5, 2.0)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.uniform_(layer.bias, -0.5, 0.5)
        module.eval()
    return found
