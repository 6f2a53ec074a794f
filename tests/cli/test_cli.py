"""The commands, from outside."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgegen.cli import main
from edgegen.target.board import list_boards
from tests.support.cases import load_cases
from tests.support.small import small_case, small_model


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def tree(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_build_writes_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "lib"
    result = call("build", small_model(tmp_path), "--board", "nrf52840", "-o", out)
    assert result.exit_code == 0, result.output
    assert (out / "small.h").exists()
    assert json.loads((out / "report.json").read_text())["name"] == "small"
    assert "proved optimal" in result.output
    assert [p.name for p in out.parent.iterdir()] == ["lib"]


def test_two_builds_are_equal(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    for name in ("a", "b"):
        assert call("build", model, "--board", "pico", "-o", tmp_path / name).exit_code == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_a_second_build_replaces_the_first(tmp_path: Path) -> None:
    model, out = small_model(tmp_path), tmp_path / "lib"
    call("build", model, "--board", "pico", "-o", out, "--name", "first")
    assert call("build", model, "--board", "pico", "-o", out, "--name", "second").exit_code == 0
    assert (out / "second.h").exists()
    assert not (out / "first.h").exists()


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "precious"
    out.mkdir()
    (out / "thesis.txt").write_text("do not lose")
    result = call("build", small_model(tmp_path), "--board", "pico", "-o", out)
    assert result.exit_code == 1
    assert "was not written by edgegen" in result.output
    assert tree(out) == {"thesis.txt": b"do not lose"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "C identifier") for name in ("2bad", "int", "a-b", "")),
        # <string.h> would be the library's own header, and CMake refuses a library of that name.
        ("string", "string.h is a header"),
        ("clean", "CMake has a target"),
    ],
)
def test_a_bad_name_is_refused(name: str, why: str, tmp_path: Path) -> None:
    model = small_model(tmp_path)
    result = call("build", model, "--board", "pico", "--name", name, "-o", tmp_path / "o")
    assert result.exit_code == 1
    assert why in result.output
    assert "hint: for example --name" in result.output
    assert not (tmp_path / "o").exists()


def test_a_folder_that_looks_like_markup(tmp_path: Path) -> None:
    out = tmp_path / "a[b] [" / "red]"
    result = call("build", small_model(tmp_path), "--board", "pico", "-o", out)
    assert result.exit_code == 0, result.output
    assert "a[b] [/red]" in result.output.replace("\n", "")


def test_a_damaged_model_leaves_nothing(tmp_path: Path) -> None:
    model = tmp_path / "cut.tflite"
    model.write_bytes(small_case().model_bytes()[:200])
    result = call("build", model, "--board", "pico", "-o", tmp_path / "o")
    assert result.exit_code == 1
    assert "cannot be read" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.tflite"]


def test_an_unknown_board_suggests_names(tmp_path: Path) -> None:
    result = call("build", small_model(tmp_path), "--board", "nrf52480")
    assert result.exit_code == 1
    assert "nrf52840" in result.output


def test_a_model_too_big_says_by_how_much(tmp_path: Path) -> None:
    source = next(b for b in list_boards() if b.name == "rp2040")
    text = (Path(__file__).parents[2] / "boards" / f"{source.name}.toml").read_text()
    assert "0x4_2000" in text
    board = tmp_path / "tiny.toml"
    # 64 bytes more than the reserved stack.
    tiny = text.replace("0x4_2000", str(source.placement.stack_bytes + 64))
    tiny = tiny.replace('name = "rp2040"', 'name = "tiny"').replace("aliases = ", "aliases = [] # ")
    board.write_text(tiny)
    result = call("build", small_model(tmp_path), "--board", board, "-o", tmp_path / "o")
    assert result.exit_code == 1
    assert "is short of" in result.output
    assert "alive at the peak" in result.output
    assert not (tmp_path / "o").exists()


def test_boards_are_listed() -> None:
    result = call("boards")
    assert result.exit_code == 0
    for board in list_boards():
        assert board.name in result.output


def test_verify_says_exact(tmp_path: Path) -> None:
    result = call("verify", small_model(tmp_path))
    assert result.exit_code == 0, result.output
    assert "exact" in result.output


def test_verify_compares_recorded_outputs(tmp_path: Path) -> None:
    case = small_case()
    inputs = np.stack([v[0] for v in case.inputs()])
    outputs = np.stack([v[0] for v in case.expected()])
    model = small_model(tmp_path)
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    np.savez(good, inputs=inputs, outputs=outputs)
    wrong = outputs.copy()
    wrong.flat[-1] ^= 1
    np.savez(bad, inputs=inputs, outputs=wrong)
    assert "equal the recorded 'outputs'" in call("verify", model, "--inputs", good).output
    result = call("verify", model, "--inputs", bad)
    assert result.exit_code == 1
    assert "differs in 1 of" in result.output


def test_explain_and_dump_ir(tmp_path: Path) -> None:
    model, dump = small_model(tmp_path), tmp_path / "ir"
    out = tmp_path / "o"
    result = call("build", model, "-b", "pico", "-o", out, "--explain", "--dump-ir", dump)
    assert result.exit_code == 0
    assert re.search(r"layer \d CONV_2D 1x5x4x4: conv2d/", result.output)
    names = sorted(p.name for p in dump.iterdir())
    assert names[0] == "00_read.txt"
    assert names[-1].endswith("_plan.txt")


def test_every_unsupported_operator_is_named() -> None:
    from edgegen.errors import UnsupportedError
    from edgegen.frontends import tflite
    from edgegen.frontends.build import build
    from edgegen.ir.raw import RawGraph, RawNode, RawTensor

    raw = tflite.read(load_cases("conv2d")[0].model_bytes())
    nodes = tuple(
        RawNode(i, kind, 1, raw.nodes[0].inputs, raw.nodes[0].outputs, {})
        for i, kind in enumerate(["WHILE", "CUSTOM MyOp", "SOFTMAXX"])
    )
    tensors = dict(raw.tensors)
    assert all(isinstance(t, RawTensor) for t in tensors.values())
    with pytest.raises(UnsupportedError) as caught:
        build(RawGraph(tensors, nodes, raw.inputs, raw.outputs), "x")
    text = str(caught.value)
    for part in ("op 0 WHILE", "op 1 CUSTOM MyOp", "op 2 SOFTMAXX", "similar: SOFTMAX"):
        assert part in text
    assert len(caught.value.problems) == 3
