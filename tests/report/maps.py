"""Memory maps made by hand: overlap, a ring, working memory, a stream."""

from __future__ import annotations

from edgegen.report.memory_map import Content, Kind, LayerUse, MapBlock, MemoryMap, Unit


def tiny() -> MemoryMap:
    """Three layers in 100 bytes: the second writes over its input, the third has scratch."""
    return MemoryMap(
        name="tiny",
        size=100,
        lower_bound=96,
        proof="not proved: at most 4 bytes above the optimum",
        peak_step=2,
        peak_layer=2,
        blocks=(
            MapBlock(
                "in", Content(Kind.INPUT, ("in",), "1x20", "dense", None, (0,)), 0, 20, ((0, 0),)
            ),
            MapBlock(
                "mid", Content(Kind.TENSOR, ("mid",), "1x60", "dense", 0, (1,)), 40, 60, ((0, 1),)
            ),
            MapBlock(
                "on",
                Content(Kind.TENSOR, ("on", "same"), "1x50", "dense", 1, (2,)),
                30,
                50,
                ((1, 2),),
            ),
            MapBlock("out", Content(Kind.OUTPUT, ("out",), "1x10", "dense", 2), 0, 10, ((2, 2),)),
            MapBlock("work", Content(Kind.SCRATCH, writer=2, readers=(2,)), 80, 20, ((2, 2),)),
        ),
        units=tuple(
            Unit(i, i, (LayerUse(i, title, macs, cycles),))
            for i, (title, macs, cycles) in enumerate(
                [("CONV_2D", 1200, 5000), ("RELU", 0, 60), ("FULLY_CONNECTED", 500, 900)]
            )
        ),
    )


def streamed() -> MemoryMap:
    """A stream of two layers over 24 steps through a ring, then one layer; 48 bytes."""
    turns = tuple((s, s) for s in range(1, 24, 2))
    return MemoryMap(
        name="streamed",
        size=48,
        lower_bound=48,
        proof="proved optimal",
        peak_step=7,
        peak_layer=1,
        blocks=(
            MapBlock(
                "in",
                Content(Kind.INPUT, ("in",), "1x4x4x2", "dense", None, (0,)),
                0,
                32,
                ((0, 23),),
            ),
            MapBlock(
                "ring",
                Content(Kind.RING, ("r",), "1x4x4x4", "hwc u8, 2 of 4 rows", 0, (1,)),
                32,
                8,
                ((0, 9), (12, 23)),
            ),
            MapBlock("sums", Content(Kind.SUMS, writer=1, readers=(1,)), 40, 4, ((1, 23),)),
            MapBlock("work", Content(Kind.SCRATCH, writer=1, readers=(1,)), 44, 4, turns),
            MapBlock(
                "out", Content(Kind.OUTPUT, ("out",), "1x4", "dense", 1, (2,)), 0, 4, ((23, 24),)
            ),
            MapBlock("mystery", Content(Kind.OTHER), 8, 8, ((24, 24),)),
        ),
        units=(
            Unit(0, 23, (LayerUse(0, "CONV_2D", 900, 3000), LayerUse(1, "MEAN", 0, 400))),
            Unit(24, 24, (LayerUse(2, "SOFTMAX", 0, 200),)),
        ),
    )
