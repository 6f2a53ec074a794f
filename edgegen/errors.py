"""The EdgegenError tree.

Every problem a user can cause is an `EdgegenError` made of `Problem`s: what is wrong, where (op
index, type, tensor names, shapes), why, and a hint. All problems of one kind are reported at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in the user's language.

    Attributes:
        what: the fact, one sentence without a final stop.
        where: the place, such as `op 3 CONV_2D v5 (in: x [1,8,8,3]; out: y [1,4,4,8])`.
        why: the reason it matters, or an empty string.
        hint: what the user can do about it, or an empty string.
    """

    what: str
    where: str = ""
    why: str = ""
    hint: str = ""

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.why:
            lines.append(f"    why:  {self.why}")
        if self.hint:
            lines.append(f"    hint: {self.hint}")
        return "\n".join(lines)


class EdgegenError(Exception):
    """Base of all errors that edgegen raises on purpose."""

    title = "edgegen cannot continue"

    def __init__(self, problems: Problem | str | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        if isinstance(problems, Problem):
            problems = (problems,)
        self.problems: Sequence[Problem] = tuple(problems)
        super().__init__(str(self))

    def __reduce__(self) -> tuple[object, ...]:
        """What a process hands to another: the class and its problems."""
        return type(self), (tuple(self.problems),)

    def at(self, place: str) -> Self:
        """The same error at a place, which comes before each problem's own."""
        problems = (
            replace(p, where=": ".join(filter(None, (place, p.where)))) for p in self.problems
        )
        return type(self)(problems)

    def __str__(self) -> str:
        head = self.title
        if len(self.problems) > 1:
            head += f" ({len(self.problems)} problems)"
        return "\n".join([head + ":", *(f"  - {p}" for p in self.problems)])


class ModelFormatError(EdgegenError):
    """The model file is damaged, truncated, or not a model at all."""

    title = "the model file cannot be read"


class UnsupportedError(EdgegenError):
    """The model is well formed but uses something edgegen does not support."""

    title = "the model uses features that edgegen does not support"


class ModelError(EdgegenError):
    """The model contradicts itself (shapes, types, quantisation)."""

    title = "the model is inconsistent"


class QuantisationError(EdgegenError):
    """The model cannot be quantised as well as asked."""

    title = "the model cannot be quantised as asked"


class BoardError(EdgegenError):
    """A board file is unknown or invalid."""

    title = "the board cannot be used"


class FitError(EdgegenError):
    """The model does not fit the board."""

    title = "the model does not fit the board"


class ToolError(EdgegenError):
    """An external tool is missing or failed."""

    title = "an external tool is missing or failed"


class InputError(EdgegenError):
    """A file or option given by the user cannot be used."""

    title = "the given input cannot be used"


class VerificationError(EdgegenError):
    """Two implementations that must agree do not."""

    title = "verification failed"


class LinkError(EdgegenError):
    """A board on a serial port does not answer as it should."""

    title = "the board cannot be talked to"


class InternalError(EdgegenError):
    """An invariant of edgegen itself is broken; please report it."""

    title = "internal error, please report it"


@contextmanager
def of_file(name: str) -> Iterator[None]:
    """What is wrong with one of several models is said to be in this file."""
    try:
        yield
    except (ModelFormatError, UnsupportedError, ModelError) as error:
        raise error.at(name) from error
