"""How the GEMM tiles make bytes of their accumulators: see templates/lib/dsp_gemm_finish.j2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgegen.kernels.base import Piece
from edgegen.kernels.solved import Solved


@dataclass(frozen=True)
class GemmFinish:
    """The last steps of a tile.

    Attributes:
        solved: the requantisation.
        signed: whether outputs are TFLite's int8 instead of u8.
    """

    solved: Solved
    signed: bool

    @property
    def variant(self) -> str:
        """Tells requantisations apart."""
        s = self.solved
        narrow = "" if s.saturation.bits == 8 and s.saturation.ceiling is None else "_n"
        if narrow or s.saturation.offset:
            narrow = f"_{s.saturation.bits}_{s.saturation.ceiling or 0}_{s.saturation.offset}"
        return f"{s.form}{s.k}_{s.e}{narrow}" + ("s" if self.signed else "")

    @property
    def piece(self) -> Piece:
        """The function that does it in the portable twins."""
        saturation = self.solved.saturation
        top = saturation.ceiling
        if top is None:
            top = (1 << saturation.bits) - 1
        return Piece(
            "dsp_requantise",
            self.variant,
            {
                "form": self.solved.form,
                "e": self.solved.e,
                "top": top,
                "offset": saturation.offset,
                "signed": self.signed,
            },
        )

    def variables(self, *, planes: bool) -> dict[str, Any]:
        """Variables of the template; with `planes` two pixels' bytes share a word, else four."""
        s = self.solved
        lanes = 0x00010001 if planes else 0x01010101
        return {
            "form": s.form,
            "words": s.words_per_channel,
            "k": s.k,
            "e": s.e,
            "bits": s.saturation.bits,
            "ceiling": s.saturation.ceiling,
            "ceiling_lanes": f"0x{(s.saturation.ceiling or 0) * lanes:08x}",
            "u_offset": s.saturation.offset,
            "offset_lanes": f"#0x{s.saturation.offset * lanes:08x}",
            "signed": self.signed,
            "requantise": self.variant,
        }

    def cycles(self, *, planes: bool) -> int:
        """Cycles for two pixels of four channels on a Cortex-M4, stores included."""
        requantise = 30 if self.solved.form == "linear" else 62
        store = 32 if planes else 18
        return requantise + store + (4 if self.solved.e != 16 else 0)
