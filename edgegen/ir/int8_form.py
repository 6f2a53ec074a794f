"""What an operator's int8 or int16 form demands of the quantisation of its tensors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Int8Form:
    """The demands of TFLite's 8-bit quantisation specification, for one operator.

    Attributes:
        shared: indices of inputs that must have the output's scale and zero point, because the
            kernel moves or compares values without rescaling them.
        output: scale and zero point that the output must have; None: any.
        channel_axis: dimension of output channels of the weights (input 1), which are symmetric,
            with an int32 bias as input 2; None: the operator has no weights.
        per_channel: whether the weights may have one scale for each channel.
    """

    shared: tuple[int, ...] = ()
    output: tuple[float, int] | None = None
    channel_axis: int | None = None
    per_channel: bool = True
