"""Write the firmware projects of an example for its boards.

In `firmware_examples`: ``python -m make_projects EXAMPLE -o FOLDER`` writes one project for
PlatformIO, with an environment for each board, to FOLDER/platformio and one for CMake for each
board to FOLDER/cmake_BOARD. It is what `edgegen new-project` does with ``--app-sources``.
"""

import argparse
from pathlib import Path

from edgegen.firmware.own import read_sources
from edgegen.firmware.project import write_projects
from edgegen.pipeline import Options, compile_model, load_model
from edgegen.target.board import load_board

HERE = Path(__file__).parent
EXAMPLES = ("keyword_spotting", "gesture_detection", "vibration_anomaly")
BOARDS = ("nrf52840dk", "nucleo_l4r5zi", "stm32f4discovery", "nucleo_h743zi", "rp2040")


def write(example: str, kind: str, folder: Path, boards: tuple[str, ...] = BOARDS) -> None:
    """Write one project."""
    blob = load_model(HERE / example / f"{example}.tflite")
    targets = []
    for board in map(load_board, boards):
        options = Options().within(board)
        targets.append((compile_model(blob, example, options.core(board), options), board))
    own = read_sources([HERE / "common", HERE / example / "firmware"])
    write_projects(targets, kind, folder, own=own)


def main() -> None:
    """Write all projects of an example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("example", choices=EXAMPLES)
    parser.add_argument("--output", "-o", type=Path, required=True, help="folder for the projects")
    options = parser.parse_args()
    write(options.example, "platformio", options.output / "platformio")
    for board in BOARDS:
        write(options.example, "cmake", options.output / f"cmake_{board}", (board,))


if __name__ == "__main__":
    main()
