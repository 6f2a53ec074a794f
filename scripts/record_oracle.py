"""Records the oracle: what TFLite 2.14's reference kernels give for all operator cases and models.

Run with an interpreter that has scripts/requirements-oracle.txt:

    python scripts/record_oracle.py                # everything
    python scripts/record_oracle.py ops conv2d pad # these case files only, the rest is kept
    python scripts/record_oracle.py models [stem ...]

Models are looked for in the folder named by EDGEGEN_SHARED, or `shared` beside the checkout.
"""

from __future__ import annotations

import argparse
import fcntl
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tflite_runtime.interpreter import Interpreter, OpResolverType  # noqa: E402

from tests.support.cases import Case, load_cases, stems  # noqa: E402
from tests.support.data import Array  # noqa: E402
from tests.support.models import (  # noqa: E402
    MODELS_FILE,
    RecordedModel,
    model_files,
    model_inputs,
    recorded_models,
    write_models,
)
from tests.support.oracle import (  # noqa: E402
    OPS_FILE,
    Recording,
    read_recordings,
    write_recordings,
)

SIZE_LIMIT = 1_000_000
T = TypeVar("T")


def make_interpreter(blob: bytes) -> Any:
    """An interpreter with the plain reference kernels and no delegate."""
    return Interpreter(
        model_content=blob, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
    )


def infer(interpreter: Any, vectors: Sequence[Sequence[Array]]) -> tuple[tuple[Array, ...], ...]:
    """The outputs for each input vector."""
    inputs = interpreter.get_input_details()
    results = []
    for vector in vectors:
        for detail, value in zip(inputs, vector, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        details = interpreter.get_output_details()
        results.append(tuple(interpreter.get_tensor(d["index"]).copy() for d in details))
    return tuple(results)


def record_case(stem: str, name: str) -> Recording:
    """Runs one case; runs in a process of its own, since the oracle may abort."""
    case = next(c for c in load_cases(stem) if c.name == name)
    try:
        interpreter = make_interpreter(case.oracle_bytes())
        interpreter.allocate_tensors()
        outputs = infer(interpreter, case.inputs())
    except (RuntimeError, ValueError) as error:
        # The values in brackets may come from memory that was never written.
        reason = re.sub(r" \(\S+ \S+ \S+\)", "; ", " ".join(str(error).split()))
        return Recording(case.digest, reason, (), ())
    found = tuple(tuple(int(d) for d in a.shape) for a in outputs[0])
    # Cases that edgegen refuses on purpose need only the shapes, to write a consistent file.
    return Recording(case.digest, "", found, () if case.error else outputs)


def isolated(work: Callable[..., T], *arguments: Any) -> T:
    """Calls `work` in a child process."""
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        return pool.submit(work, *arguments).result()


def record_ops(chosen: Sequence[str]) -> None:
    """Records the cases of the chosen files, or of all."""
    old = read_recordings(OPS_FILE)
    wanted = {c.id: c for s in chosen or stems() for c in load_cases(s)}
    kept = {k: r for k, r in old.items() if chosen and k.split("/")[0] not in chosen}
    fresh: dict[str, Recording] = {}
    for case_id, case in wanted.items():
        fresh[case_id] = _record(case)
        if fresh[case_id].refused:
            print(f"refused: {case_id}: {fresh[case_id].refused}")
    write_recordings(OPS_FILE, {**kept, **fresh})
    size = OPS_FILE.stat().st_size
    print(f"{len(fresh)} cases recorded, {len(kept)} kept, {size} bytes")
    if size > SIZE_LIMIT:
        raise SystemExit(f"{OPS_FILE.name} is over {SIZE_LIMIT} bytes: make the cases smaller")


def _record(case: Case) -> Recording:
    try:
        return isolated(record_case, case.stem, case.name)
    except BrokenProcessPool:
        return Recording(case.digest, "the oracle crashed", (), ())


def record_model(path: Path) -> RecordedModel:
    """Runs one model on its standard inputs."""
    interpreter = make_interpreter(path.read_bytes())
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    shape = tuple(int(d) for d in source["shape"])
    inputs = model_inputs(path.stem, shape, source["dtype"].__name__)
    outputs = infer(interpreter, [(x,) for x in inputs])
    return RecordedModel(path.stem, path.read_bytes(), tuple(o for (o,) in outputs))


def record_models(chosen: Sequence[str]) -> None:
    """Records the models of the chosen stems, or all that are there."""
    recorded = [m for m in recorded_models().values() if chosen and m.name not in chosen]
    for path in model_files():
        if chosen and path.stem not in chosen:
            continue
        start = time.monotonic()
        recorded.append(record_model(path))
        print(f"{path.name}: {len(recorded[-1].outputs)} inputs, {time.monotonic() - start:.1f} s")
    write_models(MODELS_FILE, recorded)
    print(f"{len(recorded)} models recorded, {MODELS_FILE.stat().st_size} bytes")


@contextmanager
def lock() -> Iterator[None]:
    """Lets one recorder at a time change the files."""
    OPS_FILE.parent.mkdir(exist_ok=True)
    with Path(__file__).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("all", "ops", "models"), default="all")
    parser.add_argument("stems", nargs="*", help="case files or models to record again")
    arguments = parser.parse_args()
    with lock():
        if arguments.what in ("all", "ops"):
            record_ops(arguments.stems)
        if arguments.what in ("all", "models"):
            record_models(arguments.stems)


if __name__ == "__main__":
    main()
