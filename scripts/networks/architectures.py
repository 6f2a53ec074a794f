"""The networks: small members of the families that microcontrollers run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, relu6: bool = False
) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU or ReLU6."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6() if relu6 else nn.ReLU(),
    )


def ds_cnn() -> nn.Module:
    """Depthwise-separable CNN for spectrograms, after Zhang et al., "Hello Edge" (2017)."""
    width = 24
    layers: list[nn.Module] = [
        nn.Conv2d(1, width, (10, 4), 2, (5, 1), bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]
    for _ in range(3):
        layers += [convolution(width, width, 3, groups=width), convolution(width, width, 1)]
    layers += [nn.Dropout(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)]
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project: the block of MobileNetV2 (Sandler et al., 2018)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        expand = [convolution(inputs, hidden, 1, relu6=True)] if expansion > 1 else []
        self.body = nn.Sequential(
            *expand,
            convolution(hidden, hidden, 3, stride=stride, groups=hidden, relu6=True),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] to [n, outputs, h / stride, w / stride]."""
        y = self.body(x)
        return x + y if self.residual else y


def mobilenet_v2() -> nn.Module:
    """A narrow MobileNetV2 for 32 x 32 images."""
    return nn.Sequential(
        convolution(3, 8, 3, stride=2, relu6=True),
        InvertedResidual(8, 8, 1, 1),
        InvertedResidual(8, 12, 2, 4),
        InvertedResidual(12, 12, 1, 4),
        InvertedResidual(12, 16, 2, 4),
        InvertedResidual(16, 16, 1, 4),
        convolution(16, 32, 1, relu6=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 8),
    )


class SqueezeExcite(nn.Module):
    """Scales every channel by what all of them average to (Hu et al., 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // 4, 1),
            nn.ReLU(),
            nn.Conv2d(channels // 4, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] to the same shape."""
        return x * self.gate(x)


class GatedResidual(nn.Module):
    """The block of MobileNetV3 (Howard et al., 2019): expand, filter, gate, project."""

    def __init__(self, inputs: int, outputs: int, hidden: int, stride: int) -> None:
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.Hardswish(),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.Hardswish(),
            SqueezeExcite(hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] to [n, outputs, h / stride, w / stride]."""
        y = self.body(x)
        return x + y if self.residual else y


def mobilenet_v3() -> nn.Module:
    """A narrow MobileNetV3 for 32 x 32 images."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.Hardswish(),
        GatedResidual(8, 8, 16, 2),
        GatedResidual(8, 12, 32, 2),
        GatedResidual(12, 12, 36, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 32),
        nn.Hardswish(),
        nn.Linear(32, 8),
    )


class Residual(nn.Module):
    """Two convolutions beside a shortcut: the basic block of ResNet (He et al., 2015)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(inputs, outputs, 3, stride=stride),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] to [n, outputs, h / stride, w / stride]."""
        return torch.relu(self.body(x) + self.shortcut(x))


class ResNet(nn.Module):
    """A residual network for 32 x 32 images; the head is written as many people write it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = convolution(3, 8, 3)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(Residual(8, 8, 1), Residual(8, 12, 2), Residual(12, 16, 2))
        self.head = nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 3, 32, 32] to [n, 8]."""
        x = functional.avg_pool2d(self.blocks(self.pool(self.stem(x))), 4)
        return self.head(x.view(x.size(0), -1))


class Mlp(nn.Module):
    """A layer shared by four vectors, then a perceptron with tanh and softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(8, 12)
        self.hidden = nn.Linear(48, 24)
        self.head = nn.Linear(24, 4)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 4, 8] to probabilities [n, 4]."""
        x = torch.relu(self.shared(x)).reshape(-1, 48)
        return torch.softmax(self.head(torch.tanh(self.hidden(x))), dim=-1)


def cnn1d() -> nn.Module:
    """A 1-D CNN: strided, dilated and depthwise convolutions over time."""
    return nn.Sequential(
        nn.Conv1d(2, 12, 5, padding=2),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(12, 16, 3, padding=2, dilation=2),
        nn.LeakyReLU(0.1),
        nn.Conv1d(16, 16, 5, stride=2, padding=2, groups=16),
        nn.Conv1d(16, 16, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(16, 6),
    )


class UNet(nn.Module):
    """Two scales down and up again with skips; one enlargement is bilinear, one nearest."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = convolution(1, 6, 3)
        self.middle = convolution(6, 10, 3)
        self.coarse = convolution(10, 12, 3)
        self.up_middle = convolution(22, 8, 3)
        self.up_fine = convolution(14, 6, 3)
        self.head = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 1, 32, 32] to a mask's probabilities of the same shape."""
        fine = self.fine(x)
        middle = self.middle(functional.max_pool2d(fine, 2))
        y = self.coarse(functional.max_pool2d(middle, 2))
        y = functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        y = self.up_middle(torch.cat([y, middle], 1))
        y = functional.interpolate(y, scale_factor=2, mode="nearest")
        return torch.sigmoid(self.head(self.up_fine(torch.cat([y, fine], 1))))


def digits_cnn() -> nn.Module:
    """A CNN for 8 x 8 digits."""
    return nn.Sequential(
        convolution(1, 12, 3),
        convolution(12, 16, 3),
        nn.MaxPool2d(2),
        convolution(16, 24, 3),
        nn.AvgPool2d(4),
        nn.Flatten(),
        nn.Linear(24, 10),
    )


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "ds_cnn": ds_cnn,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": mobilenet_v3,
    "resnet": ResNet,
    "mlp": Mlp,
    "cnn1d": cnn1d,
    "unet": UNet,
    "digits": digits_cnn,
}
