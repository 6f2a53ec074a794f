"""The one Jinja environment: strict about undefined names, with `assert` for impossible cases."""

from __future__ import annotations

import functools
from typing import NoReturn

import jinja2

from edgegen.codegen import filters
from edgegen.errors import InternalError
from edgegen.resources import templates_dir


def _fail(message: str) -> NoReturn:
    raise InternalError(f"template: {message}")


def _assert(condition: object, message: str) -> str:
    """Stops generation when `condition` is false; renders as nothing otherwise."""
    if not condition:
        _fail(message)
    return ""


@functools.cache
def environment() -> jinja2.Environment:
    """Returns the environment that every template is rendered with."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=jinja2.select_autoescape(("html.j2",), default=False),
    )
    env.globals["check"] = _assert
    env.filters.update(filters.ALL)
    return env


def render(template: str, **variables: object) -> str:
    """Renders `template` (path below templates/) with `variables`."""
    return environment().get_template(template).render(**variables)
