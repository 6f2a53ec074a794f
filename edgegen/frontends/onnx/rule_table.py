"""Rules by operator, found by listing a package's folder."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from edgegen.errors import InternalError

RuleT = TypeVar("RuleT", bound=Callable[..., Any])


class RuleTable(Generic[RuleT]):
    """A registry that the modules of one package fill with decorated functions."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._rules: dict[str, RuleT] = {}
        self._complete = False

    def __call__(self, *operators: str) -> Callable[[RuleT], RuleT]:
        """Registers a rule for operators."""

        def register(rule: RuleT) -> RuleT:
            for operator in operators:
                if operator in self._rules:
                    raise InternalError(f"two rules of {self._package} are for {operator}")
                self._rules[operator] = rule
            return rule

        return register

    def rules(self) -> Mapping[str, RuleT]:
        """All rules, once every module of the package is imported."""
        if not self._complete:
            package = importlib.import_module(self._package)
            for info in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{package.__name__}.{info.name}")
            self._complete = True
        return self._rules

    def operators(self) -> tuple[str, ...]:
        """Operators that have a rule, sorted."""
        return tuple(sorted(self.rules()))
