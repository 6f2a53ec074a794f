"""Reads TOML tables with types, remembering every problem instead of stopping at the first."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, TypeVar

from edgegen.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T", str, int, bool)
_TOML_TYPES: Final[Mapping[type, str]] = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    float: "a float",
    dict: "a table",
    list: "an array",
}


class Table:
    """Reads one TOML table: typed, with defaults, remembering what was asked for."""

    def __init__(self, data: object, path: str, file: str, problems: list[Problem]) -> None:
        self._path, self._file, self._problems = path, file, problems
        self._asked: set[str] = set()
        if isinstance(data, dict):
            self._data: dict[str, object] = data
        else:
            self._data = {}
            self.problem(f"must be a table, not {_type_name(data)}")

    def problem(self, what: str, key: str = "", hint: str = "") -> None:
        """Records that `what` is wrong with `key` (or with the whole table)."""
        place = ".".join(part for part in (self._path, key) if part)
        self._problems.append(
            Problem(what, where=f"{self._file}, {place}" if place else self._file, hint=hint)
        )

    def has(self, key: str) -> bool:
        """Tells whether the file gives `key`."""
        return key in self._data

    def get(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        """Returns the value of `key`; a missing or mistyped one is a problem and reads as zero."""
        self._asked.add(key)
        if key not in self._data:
            if default is not None:
                return default
            self.problem(f"is missing; expected {_TOML_TYPES[kind]}", key)
            return kind()
        value = self._data[key]
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        self.problem(f"must be {_TOML_TYPES[kind]}, not {_type_name(value)}", key)
        return kind()

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Returns an integer between `low` and `high`, both included."""
        count = len(self._problems)
        value = self.get(key, int, default)
        if len(self._problems) == count and not low <= value <= high:
            self.problem(f"must be between {low} and {high}, not {value}", key)
        return value

    def optional_number(self, key: str, low: int, high: int) -> int | None:
        """Returns an integer between `low` and `high`, or None if the file does not give it."""
        self._asked.add(key)
        return self.number(key, low, high) if key in self._data else None

    def decimal(self, key: str, low: float, high: float) -> float:
        """Returns a number between `low` and `high`, both included; an integer will do."""
        self._asked.add(key)
        value = self._data.get(key)
        if value is None:
            self.problem("is missing; expected a number", key)
            return low
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(f"must be a number, not {_type_name(value)}", key)
            return low
        if not low <= value <= high:
            self.problem(f"must be between {low} and {high}, not {value}", key)
        return float(value)

    def names(self) -> tuple[str, ...]:
        """The keys that the file gives, in its order."""
        return tuple(self._data)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Returns one of `allowed`."""
        count = len(self._problems)
        value = self.get(key, str)
        if len(self._problems) == count and value not in allowed:
            self.problem(f"is {value!r}", key, hint=suggest(value, allowed))
        return value

    def choices(self, key: str, allowed: tuple[str, ...]) -> list[str]:
        """Returns one of `allowed`, given as a string, or several, as an array; never none.

        Without anything allowed, whatever is given passes: that there is nothing to choose from is
        a problem that was recorded before.
        """
        if not isinstance(self._data.get(key), list):
            return [self.choice(key, allowed) if allowed else self.get(key, str)]
        values = list(self.strings(key))
        if not values:
            self.problem("names nothing", key)
        if len(set(values)) != len(values):
            self.problem("names something twice", key)
        for value in values:
            if allowed and value not in allowed:
                self.problem(f"has {value!r}", key, hint=suggest(value, allowed))
        return values or [""]

    def strings(self, key: str) -> tuple[str, ...]:
        """Returns an array of strings; a missing one is empty."""
        values = self._array(key)
        if any(not isinstance(value, str) for value in values):
            self.problem("must hold strings only", key)
        return tuple(value for value in values if isinstance(value, str))

    def table(self, key: str) -> Table:
        """Returns the table `key`, empty if it is missing."""
        self._asked.add(key)
        path = f"{self._path}.{key}" if self._path else key
        return Table(self._data.get(key, {}), path, self._file, self._problems)

    def tables(self, key: str) -> list[Table]:
        """Returns the array of tables `key`, empty if it is missing."""
        path = f"{self._path}.{key}" if self._path else key
        return [
            Table(item, f"{path}[{index}]", self._file, self._problems)
            for index, item in enumerate(self._array(key))
        ]

    def finish(self) -> None:
        """Reports every key that nothing asked for."""
        for key in self._data.keys() - self._asked:
            self.problem("is not a known key", key, hint=suggest(key, tuple(sorted(self._asked))))

    def _array(self, key: str) -> list[object]:
        self._asked.add(key)
        value = self._data.get(key, [])
        if isinstance(value, list):
            return value
        self.problem(f"must be an array, not {_type_name(value)}", key)
        return []


def _type_name(value: object) -> str:
    return _TOML_TYPES.get(type(value), f"a {type(value).__name__}")


def suggest(word: str, allowed: tuple[str, ...]) -> str:
    """A hint that names the closest allowed words first, then all of them."""
    close = difflib.get_close_matches(word.lower(), allowed, n=3)
    best = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"{best}known: {', '.join(allowed)}"
