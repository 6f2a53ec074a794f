"""From a file's bytes to a checked protobuf without functions of its own and external data."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from edgegen.errors import EdgegenError, ModelFormatError, Problem, ToolError, UnsupportedError

MIN_OPSET = 11
MAX_NODES = 4_000
"""Operators of a graph, functions expanded: far more than any model for a microcontroller has."""
MAX_EXTERNAL_BYTES = 1 << 28
DOMAINS = ("", "ai.onnx", "com.microsoft", "ai.onnx.ml")
QUANTISED_DOMAIN = "com.microsoft"


def onnx_package() -> Any:
    """The `onnx` package.

    Raises:
        ToolError: it is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ToolError(
            Problem(
                "the Python package 'onnx' is missing",
                why="it is needed to read .onnx files",
                hint='pip install "edgegen[onnx]"',
            )
        ) from error
    return onnx


def parse(blob: bytes) -> Any:
    """The ModelProto in `blob`, not checked yet.

    Raises:
        ModelFormatError: the bytes are no protobuf of a model.
    """
    onnx = onnx_package()
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(blob)
    except (DecodeError, RecursionError, ValueError) as error:
        raise ModelFormatError(
            Problem("the protobuf is damaged or truncated", why=" ".join(str(error).split()))
        ) from error
    if not model.HasField("graph"):
        raise ModelFormatError("the file holds no ONNX graph")
    return model


def embed(blob: bytes, folder: Path) -> bytes:
    """The same model with everything that it keeps in other files.

    Args:
        blob: the model file's bytes.
        folder: where the model file is; nothing outside it is read.

    Raises:
        ModelFormatError: a file is missing, too short, or outside the folder.
    """
    model = parse(blob)
    onnx = onnx_package()
    external = [t for t in _tensors(model) if t.data_location == onnx.TensorProto.EXTERNAL]
    if not external:
        return blob
    problems: list[Problem] = []
    left = MAX_EXTERNAL_BYTES
    for tensor in external:
        try:
            raw = _external(tensor, folder, left)
        except EdgegenError as error:
            problems += error.problems
            continue
        left -= len(raw)
        tensor.raw_data = raw
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    if problems:
        raise ModelFormatError(problems)
    result: bytes = model.SerializeToString()
    return result


def _external(tensor: Any, folder: Path, limit: int) -> bytes:
    """The bytes of one tensor that another file holds."""
    where = f"tensor {tensor.name!r}"
    entries = {e.key: e.value for e in tensor.external_data}
    location = entries.get("location", "")
    parts = PurePosixPath(location).parts
    windows = PureWindowsPath(location)
    if (
        not location
        or PurePosixPath(location).is_absolute()
        or windows.drive
        or windows.is_absolute()
        or ".." in parts
        or ".." in windows.parts
    ):
        raise ModelFormatError(
            Problem(f"its data is in {location!r}", where, "only files beside the model are read")
        )
    path = folder / location
    try:
        # A symbolic link may point out of the folder as well.
        inside = path.resolve(strict=True).is_relative_to(folder.resolve(strict=True))
        if not inside or not path.is_file():
            raise ModelFormatError(Problem(f"{location!r} is no file in the model's folder", where))
        offset, size = int(entries.get("offset", "0")), path.stat().st_size
        length = int(entries.get("length", str(size - offset)))
        if not (0 <= offset <= size and 0 <= length <= size - offset):
            raise ModelFormatError(
                Problem(f"bytes {offset} to {offset + length} are not in {location!r}", where)
            )
        if length > limit:
            raise ModelFormatError(
                Problem(f"external data is over {MAX_EXTERNAL_BYTES >> 20} MB", where)
            )
        with path.open("rb") as file:
            file.seek(offset)
            data: bytes = file.read(length)
            return data
    except (OSError, ValueError) as error:
        raise ModelFormatError(
            Problem(f"cannot read {location!r}", where, " ".join(str(error).split()))
        ) from error


def _tensors(model: Any) -> Iterable[Any]:
    """Every tensor that may have external data: initialisers and attributes, subgraphs included."""
    graphs = [model.graph]
    bodies = [*model.functions]
    while graphs or bodies:
        item = graphs.pop() if graphs else bodies.pop()
        yield from getattr(item, "initializer", ())
        for node in item.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                if attribute.HasField("g"):
                    graphs.append(attribute.g)
                graphs.extend(attribute.graphs)


def checked(model: Any) -> Any:
    """The model after ONNX's own checker, its functions expanded.

    Raises:
        ModelFormatError: the checker refuses it.
        UnsupportedError: opset, domain or size are out of bounds.
    """
    onnx = onnx_package()
    _opset_problems(model)
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ModelFormatError(
                Problem(
                    f"tensor {tensor.name!r} is in another file",
                    hint="give the path of the .onnx file with its data file beside it",
                )
            )
    count = _expanded_nodes(model)
    if count > MAX_NODES:
        raise UnsupportedError(f"the model has {count} operators, more than {MAX_NODES}")
    try:
        onnx.checker.check_model(model)
        if model.functions:
            import onnx.inliner

            model = onnx.inliner.inline_local_functions(model)
    except (onnx.checker.ValidationError, RuntimeError, ValueError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ModelFormatError(
            Problem("ONNX's checker refuses the model", why="; ".join(lines[:4]))
        ) from error
    return model


def opset_of(model: Any) -> int:
    """Version of ONNX's own operators; 0 where the model names none."""
    versions = [e.version for e in model.opset_import if e.domain in ("", "ai.onnx")]
    return int(max(versions, default=0))


def _opset_problems(model: Any) -> None:
    onnx = onnx_package()
    newest = onnx.defs.onnx_opset_version()
    version = opset_of(model)
    problems = []
    if not MIN_OPSET <= version <= newest:
        problems.append(
            Problem(
                f"the model uses opset {version}",
                why=f"opsets {MIN_OPSET} to {newest} are known",
                hint="export again with a newer opset, or convert with onnx.version_converter"
                if version < MIN_OPSET
                else "install a newer onnx package, or export with an older opset",
            )
        )
    local = {f.domain for f in model.functions}
    used = {n.domain for n in model.graph.node}
    problems += [
        Problem(
            f"operators of domain {domain!r} are not supported",
            hint="export with ONNX's own operators only",
        )
        for domain in sorted(used - local - set(DOMAINS))
    ]
    if problems:
        raise UnsupportedError(problems)


def _expanded_nodes(model: Any) -> int:
    """Operators of the graph with all functions expanded, without expanding them.

    Raises:
        ModelFormatError: functions call each other in a circle.
    """
    bodies = {(f.domain, f.name): f.node for f in model.functions}
    sizes: dict[tuple[str, str], int] = {}
    active: set[tuple[str, str]] = set()

    def size(key: tuple[str, str]) -> int:
        if key not in bodies:
            return 1
        if key in active:
            raise ModelFormatError(f"function {key[1]!r} calls itself")
        if key not in sizes:
            active.add(key)
            sizes[key] = min(sum(size((n.domain, n.op_type)) for n in bodies[key]), 1 << 40)
            active.discard(key)
        return sizes[key]

    if len(bodies) > 500:
        raise UnsupportedError(f"the model has {len(bodies)} functions of its own")
    return sum(size((n.domain, n.op_type)) for n in model.graph.node)
