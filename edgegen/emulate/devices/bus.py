"""Memory-mapped registers: those with a model, and all others as words that keep their value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgegen.emulate.result import EmulationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edgegen.emulate.devices.clocks import Guard, Rule

_WORD: Final = 0xFFFF_FFFF
# RP2040 datasheet, section 2.1.2, and RP2350's the same: a register is seen again at these offsets,
# where a write flips, sets or clears bits.
_ALIAS_SHIFT, _ALIAS_MASK = 12, 3
_PLAIN, _XOR, _SET, _CLEAR = range(4)
_PERIPHERALS: Final = range(0x4000_0000, 0x6000_0000)


class Bus:
    """Registers by address. Reads and writes of any width see words."""

    def __init__(self, *, atomic_aliases: bool = False) -> None:
        """Starts with every register zero.

        Args:
            atomic_aliases: whether peripherals have Raspberry Pi's aliases for single bits.
        """
        self._values: dict[int, int] = {}
        self._readers: dict[int, Callable[[], int]] = {}
        self._writers: dict[int, Callable[[int], None]] = {}
        self._rules: dict[int, list[Rule]] = {}
        self._guards: dict[int, Guard] = {}
        self._aliases = atomic_aliases

    def on_read(self, address: int, reader: Callable[[], int]) -> None:
        """Has `reader` answer reads of the word at `address`."""
        self._readers[address] = reader

    def on_write(self, address: int, writer: Callable[[int], None]) -> None:
        """Calls `writer` with what is written to the word at `address`, after it is kept."""
        self._writers[address] = writer

    def follow(self, rules: Iterable[Rule]) -> None:
        """Applies each rule now and after every write to its source or its target."""
        for rule in rules:
            for address in {rule.source, rule.target}:
                self._rules.setdefault(address, []).append(rule)
            self._apply(rule)

    def watch(self, guards: Iterable[Guard]) -> None:
        """Refuses writes that a guard forbids."""
        self._guards.update((guard.register, guard) for guard in guards)

    def poke(self, address: int, value: int) -> None:
        """Sets the word at `address` as hardware would, without a write."""
        self._values[address] = value & _WORD

    def peek(self, address: int) -> int:
        """The word kept at `address`."""
        return self._values.get(address, 0)

    def read(self, address: int, size: int) -> int:
        """A load of `size` bytes."""
        word, _ = self._target(address)
        reader = self._readers.get(word)
        value = reader() if reader else self._values.get(word, 0)
        if size == 4:
            return value
        return value >> 8 * (address & 3) & ((1 << 8 * size) - 1)

    def write(self, address: int, size: int, value: int) -> None:
        """A store of `size` bytes."""
        word, alias = self._target(address)
        old = self._values.get(word, 0)
        if size != 4:
            shift = 8 * (address & 3)
            mask = ((1 << 8 * size) - 1) << shift
            value = (value << shift & mask) | (old & ~mask if alias == _PLAIN else 0)
        if alias == _XOR:
            value ^= old
        elif alias == _SET:
            value |= old
        elif alias == _CLEAR:
            value = old & ~value
        guard = self._guards.get(word)
        if guard and old & guard.used and (old ^ value) & guard.mask:
            raise EmulationError(guard.why)
        self._values[word] = value & _WORD
        for rule in self._rules.get(word, ()):
            self._apply(rule)
        writer = self._writers.get(word)
        if writer:
            writer(value)

    def _target(self, address: int) -> tuple[int, int]:
        """The register behind an address, and what a write there does to it."""
        word = address & ~3
        if not self._aliases or word not in _PERIPHERALS:
            return word, _PLAIN
        return word & ~(_ALIAS_MASK << _ALIAS_SHIFT), word >> _ALIAS_SHIFT & _ALIAS_MASK

    def _apply(self, rule: Rule) -> None:
        wanted = rule.bits(self.peek(rule.source))
        self.poke(rule.target, self.peek(rule.target) & ~rule.mask | wanted)
