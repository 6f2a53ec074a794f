"""Runs a firmware image on an emulated core with the board's real memory map."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from unicorn import arm_const, unicorn_const
from unicorn.unicorn_py3.unicorn import UcError

from edgegen.emulate.blocks import BlockCounter, Marks, NativeCounter, PythonCounter
from edgegen.emulate.core import EXCEPTIONS, NEVER, make_core
from edgegen.emulate.cycles import MODELS, Pricer
from edgegen.emulate.faults import MemoryFaults
from edgegen.emulate.image import Image, read_image
from edgegen.emulate.memory import MemoryReader, load_image, map_board
from edgegen.emulate.native import load_block_counter, load_flash_model, unicorn_library
from edgegen.emulate.result import CycleRange, RunResult
from edgegen.emulate.semihost import BKPT, Semihost, UnknownCallError
from edgegen.emulate.stack import StackGauge
from edgegen.emulate.tally import tally
from edgegen.emulate.wait_states import FlashWatch, cycle_range, flash_models
from edgegen.errors import InternalError, Problem, ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from unicorn.unicorn_py3.unicorn import Uc

    from edgegen.emulate.access_log import AccessLog
    from edgegen.target.board import Board


def run_elf(
    elf: Path,
    board: Board,
    *,
    files: Mapping[str, bytes] | None = None,
    layers: Sequence[str] = (),
    streams: Sequence[str] = (),
    observe: Callable[[int, MemoryReader], None] | None = None,
    accesses: AccessLog | None = None,
    max_instructions: int = 20_000_000_000,
    timeout_s: float = 300.0,
    native: bool | None = None,
    wait_states: bool = False,
) -> RunResult:
    """Runs `elf` until it exits, faults, or reaches a limit.

    Args:
        elf: an image linked for `board`, as `firmware.build_runner` makes it.
        board: gives the core and the memory map; an access outside of it ends the run.
        files: what the firmware can open, such as "input.bin".
        layers: names of the functions whose entry starts a layer; clones that GCC makes of them
            (`.constprop.0`) are found too.
        streams: names of the functions that run layers row by row: layers may run again there.
        observe: called at the entry of each layer with its number, and with `len(layers)` at the
            stop marker of each inference.
        accesses: receives the accesses to its symbol's bytes, in order.
        max_instructions: ends the run with an error at the first block past this count; the same
            run stops at the same place.
        timeout_s: ends the run with an error after so many seconds of wall time.
        native: True insists on the block counter in C, False on the one in Python; they agree.
        wait_states: also model the wait states of the board's flash, if the core has a cycle model
            and the host a C compiler.

    Returns:
        What happened; a fault or a limit is in `RunResult.error`, not raised.

    Raises:
        InputError: the file is not an ELF file, or a layer's function is not in it.
        ToolError: the core has no emulator, or `native` cannot be had.
    """
    machine = _Machine(read_image(elf), board, files or {}, layers, streams, observe)
    machine.count(max_instructions, native)
    if wait_states:
        machine.watch_flash()
    if accesses is not None:
        machine.log(accesses)
    return machine.run(timeout_s)


class _Machine(MemoryFaults):
    """One emulated core with its memory, its host and its counters; used once."""

    def __init__(
        self,
        image: Image,
        board: Board,
        files: Mapping[str, bytes],
        layers: Sequence[str],
        streams: Sequence[str],
        observe: Callable[[int, MemoryReader], None] | None,
    ) -> None:
        self._image = image
        self._board = board
        self._layers, self._streams = tuple(layers), tuple(streams)
        self._observe = observe
        self._host = Semihost.with_files(files)
        self._error: str | None = None
        self._failure: BaseException | None = None
        self._counter: BlockCounter | None = None
        self._pricer = Pricer(MODELS.get(board.core.cycle_model or ""))
        self._flash: FlashWatch | None = None
        self._inferences: dict[int, int] = {}
        self._last_layer: int | None = None
        self._uc = make_core(board)
        self._memory = MemoryReader(self._uc, image)
        self._shared = map_board(self._uc, board, self._on_slack)
        load_image(self._uc, board, image)
        placement = board.placement
        top = placement.stack.end
        self._stack = StackGauge(self._memory, top - placement.stack_bytes, top)
        layer_addresses = {image.address(name): number for number, name in enumerate(layers)}
        if len(layer_addresses) != len(layers):
            raise InternalError(f"two layers share a function: {', '.join(layers)}")
        self._marks = Marks(
            start=self._find("runner_start"),
            stop=self._find("runner_stop"),
            layers=layer_addresses,
            layer_count=len(layers),
        )
        self._hook()

    def _find(self, name: str) -> int | None:
        known = {symbol.name for symbol in self._image.symbols}
        return self._image.address(name) if name in known else None

    def _hook(self) -> None:
        uc = self._uc
        uc.hook_add(unicorn_const.UC_HOOK_INTR, self._on_exception)
        uc.hook_add(
            unicorn_const.UC_HOOK_MEM_UNMAPPED | unicorn_const.UC_HOOK_MEM_PROT, self._on_bad_access
        )
        if self._marks.start is not None:
            self._hook_at(self._marks.start, self._on_start)
        if self._marks.stop is not None:
            self._hook_at(self._marks.stop, self._on_stop)
        if self._observe:
            for address in self._marks.layers:
                self._hook_at(address, self._on_layer)
            for name in self._streams:
                symbol = self._image.symbol(name)
                self._uc.hook_add(
                    unicorn_const.UC_HOOK_CODE,
                    self._on_stream,
                    None,
                    symbol.address,
                    symbol.address + symbol.size - 1,
                )

    def _hook_at(self, address: int, handler: Callable[[Uc, int, int, object], None]) -> None:
        self._uc.hook_add(unicorn_const.UC_HOOK_CODE, handler, None, address, address)

    def count(self, limit: int, native: bool | None) -> None:
        """Installs the block counter."""
        library = engine = None
        if native is not False:
            library, engine = load_block_counter(), unicorn_library()
        if library is not None and engine is not None:
            self._counter = NativeCounter(self._uc, self._marks, limit, library, engine)
        elif native:
            raise ToolError(Problem("no block counter in C", hint="install a host C compiler: cc"))
        else:
            self._counter = PythonCounter(self._uc, self._marks, limit)

    def watch_flash(self) -> None:
        """Installs the models of the board's flash, where that is possible."""
        library, engine = load_flash_model(), unicorn_library()
        start, stop = self._marks.start, self._marks.stop
        if library is None or engine is None or not self._pricer.has_model:
            return
        if self._board.placement.weights.external:
            return
        if start is None or stop is None:
            return
        models, read = flash_models(self._board), self._memory.read
        self._flash = FlashWatch(self._board, models, self._pricer, read, (start, stop), library)
        self._flash.attach(self._uc, engine)

    def log(self, accesses: AccessLog) -> None:
        """Installs a log of accesses to its symbol's bytes."""
        found = next(s for s in self._image.symbols if s.name == accesses.symbol)
        accesses.attach(self._uc, range(found.address, found.address + found.size))

    def run(self, timeout_s: float) -> RunResult:
        """Runs from reset; call `count` before."""
        if self._counter is None:
            raise InternalError("run() before count()")
        vectors = self._memory.read(self._board.placement.code.usable_origin, 8)
        stack_top, entry = struct.unpack("<II", vectors)
        self._uc.reg_write(arm_const.UC_ARM_REG_SP, stack_top)
        try:
            self._uc.emu_start(entry | 1, NEVER, timeout=int(timeout_s * 1e6))
        except UcError as error:
            self._fail(str(error))
        if self._failure is not None:
            raise self._failure
        if self._host.exit_code is None:
            limit = "its instruction limit" if self._counter.limit_hit else f"{timeout_s:g} s"
            self._fail(f"it did not end within {limit}")
        self._stack.finish()
        if self._stack.overflowed:
            self._fail(f"the stack of {self._board.placement.stack_bytes} bytes is used up")
        return self._result(self._counter)

    def _result(self, counter: BlockCounter) -> RunResult:
        core = self._board.core
        counts = tally(
            counter.blocks(),
            self._memory.read,
            self._pricer,
            self._image,
            self._layers,
            self._inferences,
        )
        if counts.dsp and "dsp" not in core.features:
            # Unicorn's Cortex-M3 executes the DSP extension; a real one faults.
            self._error = self._error or f"the {core.title} does not have {counts.dsp}"
        return RunResult(
            exit_code=self._host.exit_code,
            console=self._host.console.decode("utf-8", "replace"),
            files={name: bytes(data) for name, data in self._host.files.items()},
            instructions=counts.all.instructions,
            cycles=counts.all.cycles,
            run=counts.run,
            models=counts.models,
            layers=counts.layers,
            functions=counts.functions,
            stack_bytes=self._stack.bytes_used,
            run_stack_bytes=self._stack.run_bytes,
            sections=self._image.sections,
            total_instructions=counter.instructions,
            error=self._error,
            on_board=self._range(counts.all.cycles),
        )

    def _range(self, cycles: int | None) -> CycleRange | None:
        if self._flash is None or cycles is None:
            return None
        return cycle_range(cycles, self._flash.stalls())

    def _fail(self, what: str) -> None:
        """Keeps the first thing that went wrong, with its place."""
        if self._error is None:
            pc = self._uc.reg_read(arm_const.UC_ARM_REG_PC)
            self._error = f"{what} at {pc:#010x} in {self._image.function_at(pc)}"

    def _on_exception(self, uc: Uc, number: int, _data: object) -> None:
        pc = uc.reg_read(arm_const.UC_ARM_REG_PC)
        try:
            if self._memory.read(pc, len(BKPT)) == BKPT:
                self._semihost(pc)
                return
        except UcError:
            pass
        self._fail(EXCEPTIONS.get(number, f"exception {number}"))
        uc.emu_stop()

    def _semihost(self, pc: int) -> None:
        uc = self._uc
        operation, argument = uc.reg_read_batch((arm_const.UC_ARM_REG_R0, arm_const.UC_ARM_REG_R1))
        try:
            answer = self._host.call(operation, argument, self._memory)
        except (UnknownCallError, UcError) as error:
            self._fail(str(error))
            uc.emu_stop()
            return
        if self._host.exit_code is not None:
            uc.emu_stop()
            return
        uc.reg_write(arm_const.UC_ARM_REG_R0, answer)
        uc.reg_write(arm_const.UC_ARM_REG_PC, (pc + len(BKPT)) | 1)

    def _on_start(self, uc: Uc, _address: int, _size: int, _data: object) -> None:
        model = uc.reg_read(arm_const.UC_ARM_REG_R0)
        self._memory.model, self._memory.inference = model, self._inferences.get(model, 0)
        self._last_layer = None
        self._stack.start(uc.reg_read(arm_const.UC_ARM_REG_SP))

    def _on_stop(self, _uc: Uc, _address: int, _size: int, _data: object) -> None:
        self._stack.stop()
        self._call_observer(len(self._layers))
        model = self._memory.model
        self._inferences[model] = self._inferences.get(model, 0) + 1

    def _on_layer(self, _uc: Uc, address: int, _size: int, _data: object) -> None:
        # A loop may jump back to the function's first instruction; that is no new entry.
        if self._marks.layers[address] != self._last_layer:
            self._last_layer = self._marks.layers[address]
            self._call_observer(self._last_layer)

    def _on_stream(self, _uc: Uc, _address: int, _size: int, _data: object) -> None:
        # Between two rows: the next entry is one even if it is the same layer's.
        self._last_layer = None

    def _call_observer(self, number: int) -> None:
        if self._observe is None or self._failure is not None:
            return
        try:
            self._observe(number, self._memory)
        except BaseException as error:  # Raised again by run(): it cannot cross Unicorn's C code.
            self._failure = error
            self._uc.emu_stop()
