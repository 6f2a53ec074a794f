"""Writes the README's table of figures from the ledger (`./run bench` makes the ledger)."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
MODELS = {
    "kws_ref_model_int8": "keyword spotting",
    "vww_96_int8": "person detection",
    "resnet8_int8": "image classification",
    "ad01_int8": "anomaly detection",
    "keyword_spotting": "our demonstration model",
}
CORES = {"m4": "Cortex-M4", "m0plus": "Cortex-M0+", "m3": "Cortex-M3"}


def table() -> str:
    """The Markdown table: one row for each model, core and level."""
    lines = [
        "One inference, modelled cycles at zero wait states, all layers exact; sizes in bytes.",
        "From `./run bench` (the first four are MLPerf Tiny's int8 files), kept in `ledger/`.",
        "",
        "| model | core | level | Mcycles | arena | constants | code |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for stem, title in MODELS.items():
        for suffix, core in CORES.items():
            path = ROOT / "ledger" / f"{stem}_{suffix}.json"
            if not path.exists():
                continue
            ledger = json.loads(path.read_text(encoding="utf-8"))
            for level in ("speed", "balanced", "ram", "size") if suffix == "m4" else ("speed",):
                row = ledger.get(level)
                if row:
                    lines.append(
                        f"| {title} | {core} | {level} | {row['cycles'] / 1e6:.2f} | "
                        f"{row['arena']:,} | {row['constants']:,} | {row['code']:,} |"
                    )
    return "\n".join(lines)


def main() -> None:
    """Rewrites the README between the markers."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
