"""Write `firmware/front_end_tables.h` from the definitions in `features_fixed.py`.

Run in `firmware_examples`: ``python -m keyword_spotting.make_tables``.
"""

from pathlib import Path

from common.c_text import header
from keyword_spotting import features_fixed as fixed

PATH = Path(__file__).parent / "firmware" / "front_end_tables.h"


def text() -> str:
    """Contents of the header."""
    return header(
        "FRONT_END_TABLES_H",
        "front_end_tables.h - written by make_tables.py from the definitions in features_fixed.py.",
        {
            "mfcc_hann": ("uint16_t", fixed.hann_table()),
            "mfcc_mel_edges": ("uint16_t", fixed.mel_edges()),
            "mfcc_mel_rise": ("uint16_t", fixed.mel_rise()),
            "mfcc_final_matrix": ("int16_t", fixed.final_matrix()),
            "mfcc_final_offset": ("int64_t", fixed.final_offset()),
        },
        {"MFCC_LOG_FLOOR": f"{fixed.LOG_FLOOR}u"},
    )


if __name__ == "__main__":
    PATH.write_text(text())
