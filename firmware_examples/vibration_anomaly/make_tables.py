"""Write `firmware/front_end_tables.h` from the definitions in `features.py`.

Run in `firmware_examples`: ``python -m vibration_anomaly.make_tables``.
"""

from pathlib import Path

from common.c_text import header
from vibration_anomaly import features

PATH = Path(__file__).parent / "firmware" / "front_end_tables.h"


def text() -> str:
    """Contents of the header."""
    return header(
        "FRONT_END_TABLES_H",
        "front_end_tables.h - written by make_tables.py from the definitions in features.py.",
        {
            "spectrum_hann": ("uint16_t", features.hann_table()),
            "spectrum_edges": ("uint16_t", features.band_edges()),
            "spectrum_offsets": ("int32_t", features.band_offsets()),
        },
    )


if __name__ == "__main__":
    PATH.write_text(text())
