"""Write `dsp_tables.h` from the definitions in `fixed.py`.

Run in `firmware_examples`: ``python -m common.make_tables``.
"""

from pathlib import Path

from common import fixed
from common.c_text import header

PATH = Path(__file__).with_name("dsp_tables.h")


def text() -> str:
    """Contents of the header."""
    return header(
        "DSP_TABLES_H",
        "dsp_tables.h - written by make_tables.py from the definitions in fixed.py.",
        {
            "dsp_sine": ("uint16_t", fixed.sine_table()),
            "dsp_log2": ("uint32_t", fixed.log2_table()),
        },
    )


if __name__ == "__main__":
    PATH.write_text(text())
