"""`edgegen verify --port` against the firmware's console on a pseudo-terminal."""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.errors import LinkError, ToolError, VerificationError
from edgegen.link.console import Console
from edgegen.link.port import SerialPort
from edgegen.link.verify import verify_board
from edgegen.pipeline import Compilation, read_graph
from edgegen.verify.vectors import Vectors, load_vectors, standard_vectors
from tests.support import host_console
from tests.support.models import DEMO_MODEL
from tests.support.small import small_case

SAMPLES = DEMO_MODEL.parent / "samples.npz"


class Disturbed:
    """A serial port whose bytes are changed on their way."""

    def __init__(
        self,
        port: SerialPort,
        outwards: Callable[[bytes], bytes] = lambda data: data,
        inwards: Callable[[bytes], bytes] = lambda data: data,
    ) -> None:
        self.port, self.outwards, self.inwards = port, outwards, inwards

    def write(self, data: bytes) -> None:
        self.port.write(self.outwards(data))

    def read(self, timeout_s: float) -> bytes:
        return self.inwards(self.port.read(timeout_s))

    def close(self) -> None:
        self.port.close()


def once(pattern: bytes, replacement: bytes) -> Callable[[bytes], bytes]:
    """Changes the first match in all bytes that pass; bytes pass line by line."""
    done = False
    held = b""

    def change(data: bytes) -> bytes:
        nonlocal done, held
        held += data
        if done or b"%" in held:
            data, held = held, b""
        else:
            data, _, held = held.rpartition(b"\n")
            data += b"\n" if data else b""
        changed = data if done else re.sub(pattern, replacement, data, count=1)
        done = done or changed != data
        return changed

    return change


def always(pattern: bytes, replacement: bytes) -> Callable[[bytes], bytes]:
    held = b""

    def change(data: bytes) -> bytes:
        nonlocal held
        whole, _, held = (held + data).rpartition(b"\n")
        return re.sub(pattern, replacement, whole + b"\n" if whole else b"")

    return change


def without_the_ready_after(pattern: bytes) -> Callable[[bytes], bytes]:
    """Loses the first m-ready that follows a line."""
    seen = lost = False
    held = b""

    def change(data: bytes) -> bytes:
        nonlocal seen, lost, held
        *lines, held = (held + data).split(b"\n")
        kept = b""
        for line in lines:
            if seen and not lost and line.startswith(b"m-ready"):
                lost = True
                continue
            seen = seen or line.startswith(pattern)
            kept += line + b"\n"
        return kept

    return change


def few(compilation: Compilation, count: int = 2) -> Vectors:
    vectors = standard_vectors(compilation.source)
    return replace(vectors, batches=vectors.batches[:count])


def test_the_command_compares_recorded_outputs_and_labels(demo_firmware: Path) -> None:
    recorded = np.load(SAMPLES)
    with host_console.terminal(demo_firmware) as port:
        result = CliRunner().invoke(
            main, ["verify", str(DEMO_MODEL), "--port", port, "--inputs", str(SAMPLES)]
        )
    assert result.exit_code == 0, result.output
    assert f"{len(recorded['inputs'])} inferences" in result.output
    assert re.search(r"exact: \w+ on Host board", result.output)
    assert re.search(r"\d+\.\d{3} ms an inference", result.output)
    assert "CONV_2D" in result.output
    assert "wrong" not in result.output


@pytest.mark.parametrize(
    "noise",
    [
        {"outwards": once(rb"(db \w{20})\w\w", rb"\g<1>00")},
        {"outwards": once(rb"(db \w{20})\w", rb"\1")},
        {"outwards": once(rb"(db \w{20})\w", rb"\1?")},
        {"inwards": once(rb"(m-output-0-..)..", rb"\g<1>zz")},
        {"inwards": once(rb"(m-output-0-)(....)", rb"\g<1>1234")},
        {"inwards": once(rb"m-crc-\[", b"m-\xff\xfe-[")},
        {"inwards": once(rb"m-infer-done\r\n", b"")},
        {"inwards": once(rb"m-info-golden", b"m-inf-golden")},
        {"inwards": once(rb"m-layer   3[^\n]*\n", b"")},
    ],
    ids="byte lost-digit strange-digit garbled changed no-text lost-line info layer".split(),
)
def test_noise_is_noticed_and_the_transfer_repeated(
    demo: Compilation, demo_firmware: Path, noise: dict[str, Callable[[bytes], bytes]]
) -> None:
    with host_console.terminal(demo_firmware) as name:
        port = Disturbed(SerialPort(name), **noise)
        verdict = verify_board(demo.source, few(demo, 1), Console(port))
        port.close()
    assert verdict.repeats >= 1
    assert verdict.inferences == 1


def test_a_lost_end_of_answer_is_waited_for_and_then_asked_for_again(
    demo_firmware: Path,
) -> None:
    with host_console.terminal(demo_firmware) as name:
        port = Disturbed(SerialPort(name), inwards=without_the_ready_after(b"m-crc"))
        console = Console(port, answer_s=0.5)
        console.connect()
        console.load(bytes(490))
        assert console.repeats >= 1


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ({"inwards": always(rb"(m-output-0-..)..", rb"\g<1>77")}, "output did not come through"),
        ({"inwards": always(rb"m-crc-\[....", b"m-crc-[0000")}, "input did not come through"),
    ],
)
def test_a_line_that_stays_noisy_is_an_error(
    demo: Compilation,
    demo_firmware: Path,
    noise: dict[str, Callable[[bytes], bytes]],
    message: str,
) -> None:
    with (
        host_console.terminal(demo_firmware) as name,
        pytest.raises(LinkError, match=message) as error,
    ):
        verify_board(demo.source, few(demo, 1), Console(Disturbed(SerialPort(name), **noise)))
    assert "common ground" in str(error.value)


class Flipping:
    """Turns bits of passing bytes over, seldom and reproducibly."""

    def __init__(self, seed: int, one_in: int) -> None:
        self.random, self.one_in, self.count = random.Random(seed), one_in, 0

    def __call__(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for i in range(len(changed)):
            if self.random.randrange(self.one_in) == 0:
                changed[i] ^= 1 << self.random.randrange(8)
                self.count += 1
        return bytes(changed)


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_never_taken_for_a_wrong_result(
    demo: Compilation, demo_firmware: Path, seed: int
) -> None:
    """Whatever a noisy line does, the verdict is right, or there is none."""
    flips = Flipping(seed, 6000), Flipping(100 + seed, 1500)
    with host_console.terminal(demo_firmware) as name:
        console = Console(Disturbed(SerialPort(name), *flips), patience_s=0.5, answer_s=0.5)
        try:
            verdict = verify_board(demo.source, few(demo, 3), console)
        except LinkError as error:
            assert "attempts" in str(error) or "console" in str(error)  # noqa: PT017
        else:
            assert verdict.inferences == 3
    assert flips[0].count + flips[1].count > 0


def broken_weights(files: dict[str, str]) -> None:
    """Another weight in layer 2."""
    text = files["kws_weights.c"]
    at = text.index("{", text.index("/* layer 2,")) + 1
    found = re.compile(r"0x([0-9a-f])").search(text, at)
    assert found
    digit = "1" if found[1] != "1" else "2"
    files["kws_weights.c"] = text[: found.start(1)] + digit + text[found.end(1) :]


def test_a_wrong_layer_and_wrong_outputs_are_named(demo: Compilation, tmp_path: Path) -> None:
    program = host_console.build(demo.package, tmp_path, change=broken_weights)
    vectors = load_vectors(SAMPLES, demo.source)
    with host_console.terminal(program) as name, pytest.raises(VerificationError) as error:
        verify_board(demo.source, vectors, Console(SerialPort(name)))
    text = str(error.value)
    assert "layer 2, " in text
    assert re.search(r"input \d+, output '[^']+': \d+ of \d+ elements differ, the first", text)
    assert re.search(r"from element \d+: board [-\d ]+ \| reference [-\d ]+", text)


def test_wrong_outputs_alone_are_found(demo: Compilation, tmp_path: Path) -> None:
    """The board's own test is content; what it sends is compared all the same."""

    def change(files: dict[str, str]) -> None:
        old = "kws_run(&arena);"
        assert old in files["network.c"]
        files["network.c"] = files["network.c"].replace(
            old,
            f"{old}\n    if (network_buffer[5] == 127u) ((int8_t *)kws_output(&arena))[3] ^= 4;",
        )

    program = host_console.build(demo.package, tmp_path, change=change)
    vectors = few(demo, 3)
    with host_console.terminal(program) as name, pytest.raises(VerificationError) as error:
        verify_board(demo.source, vectors, Console(SerialPort(name)))
    (problem,) = error.value.problems
    assert problem.where.startswith("input 2, ")
    assert "1 of 10 elements differ, the first at [0, 3] (byte 3)" in problem.what


def test_firmware_of_another_model_is_refused(demo_firmware: Path, demo: Compilation) -> None:
    other = read_graph(small_case().model_bytes(), "other")
    with host_console.terminal(demo_firmware) as name, pytest.raises(LinkError) as error:
        verify_board(other, standard_vectors(other), Console(SerialPort(name)))
    assert "another model, 'kws'" in str(error.value)
    assert demo.name == "kws"


class Scripted:
    """A port that says what a test wants, whatever it is asked."""

    def __init__(self, answers: Callable[[bytes], bytes]) -> None:
        self.answers = answers
        self.waiting = b""

    def write(self, data: bytes) -> None:
        self.waiting += self.answers(data)

    def read(self, timeout_s: float) -> bytes:
        if not self.waiting:
            time.sleep(min(timeout_s, 0.01))
        data, self.waiting = self.waiting, b""
        return data

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the board is silent"),
        (b"\xf8\x00\xe0\x9c\xfe\x80", "no text"),
        (b"login: \r\n", "does not answer as the console does"),
        (b"fault 3 at 0x08001234\r\n", "the firmware crashed: fault 3 at 0x08001234"),
        (b"m-init-done\r\nm-ready\r\n", "started again"),
        (b"e-[Unknown command: name]\r\nm-ready\r\n", "does not know the command 'name'"),
    ],
)
def test_what_is_no_console_is_told_apart(answer: bytes, message: str) -> None:
    port = Scripted(lambda data: answer if data.startswith(b"name") else b"")
    with pytest.raises(LinkError, match=message):
        Console(port, answer_s=0.05).connect()


def test_a_board_that_starts_when_its_port_is_opened_is_waited_for() -> None:
    names = [b"m-init-done\r\nm-ready\r\n", b"m-name-dut-[Some board]\r\nm-ready\r\n"]
    port = Scripted(lambda data: names.pop(0) if data.startswith(b"name") else b"")
    assert Console(port, answer_s=0.05).connect() == "Some board"


@pytest.mark.parametrize("babble", [b"x" * 1000, b"xyz\r\n" * 100])
def test_a_port_that_never_stops_is_an_error(babble: bytes) -> None:
    port = Scripted(lambda _data: b"")
    port.read = lambda _seconds: babble  # type: ignore[assignment,method-assign]
    with pytest.raises(LinkError, match="does not answer"):
        Console(port, answer_s=0.05).connect()


def test_other_firmware_that_says_something_all_the_time_is_left_soon() -> None:
    """A line every 10 ms: no silence ever, and no console."""
    port = Scripted(lambda _data: b"")

    def tick(_seconds: float) -> bytes:
        time.sleep(0.01)
        return b"t = 21.5 C\r\n"

    port.read = tick  # type: ignore[assignment,method-assign]
    begun = time.monotonic()
    with pytest.raises(LinkError, match="does not answer as the console does"):
        Console(port, answer_s=0.1).connect()
    # Three attempts: twice the line, an empty command (a second) and a name.
    assert time.monotonic() - begun < 10.0


def test_a_port_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["verify", str(DEMO_MODEL), "--port", str(tmp_path / "ttyNONE")]
    )
    assert result.exit_code != 0
    assert "cannot open the port" in result.output
    assert "hint" in result.output


def test_a_port_that_goes_away_is_a_clear_error(demo_firmware: Path) -> None:
    with host_console.terminal(demo_firmware) as name:
        port = SerialPort(name)
    with pytest.raises(LinkError, match=r"lost the port|silent"):
        Console(port).connect()


def test_without_pyserial_the_hint_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(ToolError, match=r'pip install "edgegen\[board\]"'):
        SerialPort("/dev/ttyACM0")
