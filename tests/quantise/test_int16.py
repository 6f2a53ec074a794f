"""Layers on int16: the same bytes in TFLite and in our C, and less noise for it."""

from __future__ import annotations

import itertools
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgegen.emulate.model_run import run_model
from edgegen.errors import InputError
from edgegen.export.tflite import write
from edgegen.frontends import tflite
from edgegen.frontends.build import build
from edgegen.ir import DType, Graph
from edgegen.passes.base import run_passes
from edgegen.pipeline import PASSES, Compilation, Options, compile_model, load_model
from edgegen.quantise.measure import deciding, mean_sqnr, measure
from edgegen.quantise.mixed import mix
from edgegen.quantise.quantise import Quantised, Quantiser, Recipe, Settings, quantise
from edgegen.quantise.search import search
from edgegen.quantise.sensitivity import sensitivities
from edgegen.quantise.wide import wide_forms, with_followers
from edgegen.target.board import load_board
from edgegen.target.cores import CORES
from edgegen.verify.reference import evaluate
from edgegen.verify.vectors import Vectors
from edgegen.verify.verify import verify_host
from tests.emulator.test_cases import BOARDS
from tests.quantise.networks import FloatNetwork, forks, samples, small_cnn
from tests.support.models import int16_files, model_inputs, recorded_models

PLAIN = Recipe("minmax", equalised=False, corrected=True)
FULL = bool(os.environ.get("EDGEGEN_FULL"))
EMULATED = ("digits_mixed_int16", "small_all_int16")


def compiled(path: Path, core: str) -> Compilation:
    blob = load_model(path)
    assert zlib.crc32(blob) == recorded_models()[path.stem].crc, "recorded from another file"
    return compile_model(blob, path.stem, load_board(BOARDS[core]).core)


def inputs_of(path: Path, graph: Graph) -> tuple[str, list[np.ndarray]]:
    (port,) = graph.inputs
    kind = graph.tensor(port).type
    return port, list(model_inputs(path.stem, kind.shape, kind.dtype.value))


def quality(made: Quantised, count: int = 12) -> float:
    names = deciding(made.prepared)
    return mean_sqnr(names, measure(made.prepared, made.graph, samples(made.source, count)))


def types(graph: Graph) -> dict[str, str]:
    return {t.name: t.type.dtype.value for t in graph.activations()}


@pytest.mark.parametrize("path", int16_files(), ids=lambda p: p.stem)
def test_c_and_reference_equal_the_oracle(path: Path) -> None:
    compilation = compiled(path, "m4")
    port, inputs = inputs_of(path, compilation.source)
    recorded = np.stack(recorded_models()[path.stem].outputs)
    vectors = Vectors(tuple({port: x} for x in inputs), "recorded", {"tflite": recorded})
    verdict = verify_host(compilation, vectors, flags=("-O1",))
    assert verdict.inferences == len(inputs)
    assert verdict.recorded == ("tflite",)


def test_the_files_have_what_is_to_be_shown() -> None:
    graphs = {p.stem: build(tflite.read(load_model(p)), "net") for p in int16_files()}
    assert len(graphs) >= 6
    inputs = {n: g.tensor(g.inputs[0]).type.dtype for n, g in graphs.items()}
    assert set(inputs.values()) == {DType.INT8, DType.INT16} or inputs["small_all_int16"] is (
        DType.INT16
    )
    wide = {
        op.stem
        for g in graphs.values()
        for op in g.ops
        if g.io(op).output.type.dtype is DType.INT16
    }
    assert wide >= {
        "add", "average_pool2d", "concatenation", "conv2d", "depthwise_conv2d", "fully_connected",
        "logistic", "max_pool2d", "mean", "mul", "quantize", "relu", "reshape", "softmax",
    }  # fmt: skip


@pytest.mark.parametrize("core", ["m4", "m0+"])
@pytest.mark.parametrize("name", EMULATED)
def test_machine_code_is_exact(name: str, core: str) -> None:
    path = next(p for p in int16_files() if p.stem == name)
    compilation = compiled(path, core)
    port, inputs = inputs_of(path, compilation.source)
    batches = [{port: x} for x in inputs[-4:]]
    expected = [evaluate(compilation.graph, b) for b in batches]
    (output,) = compilation.source.outputs
    for values, want in zip(expected, recorded_models()[name].outputs[-4:], strict=True):
        np.testing.assert_array_equal(values[output].ravel(), want.ravel())
    run = run_model(compilation, load_board(BOARDS[core]), batches, expected)
    assert run.inferences == len(batches)
    assert run.compared > 0


@pytest.mark.parametrize("make", [small_cnn, forks])
def test_int16_takes_most_of_the_noise_away(make: object) -> None:
    graph = make()  # type: ignore[operator]
    quantiser = Quantiser(graph, samples(graph, 12))
    wide = replace(PLAIN, wide=frozenset(wide_forms(quantiser.prepared(False)[0])))
    assert quality(quantiser.make(wide)) > quality(quantiser.make(PLAIN)) + 6.0


def test_int16_activations_of_exact_weights_are_almost_float() -> None:
    """With weights that int8 holds exactly, only the activations' rounding is left."""
    net = FloatNetwork(3)
    weights = np.round(np.random.default_rng(1).uniform(-127, 127, (4, 3, 3, 3)))
    weights[:, 0, 0, 0] = 127
    graph = net.graph(net.conv(net.input(1, 6, 6, 3), 4, weights=weights / 127))
    quantiser = Quantiser(graph, samples(graph, 8))
    wide = replace(PLAIN, wide=frozenset(wide_forms(graph)))
    assert quality(quantiser.make(wide)) > 70.0
    assert quality(quantiser.make(PLAIN)) < 50.0


def test_types_change_where_layers_meet() -> None:
    graph = small_cnn()
    made = quantise(graph, samples(graph, 6), Settings("minmax", False, True, int16=("1", "t2")))
    kinds = types(made.graph)
    assert made.recipe.wide == {"t1", "t2"}
    assert [kinds[n] for n in ("in0", "t0", "t1", "t2", "t4")] == [
        "int8", "int8", "int16", "int16", "int8",
    ]  # fmt: skip
    # TFLite 2.14 has no way from int8 to int16 but through float32.
    stems = [op.stem for op in made.graph.ops]
    assert stems[:6] == ["conv2d", "dequantize", "quantize", "depthwise_conv2d", "conv2d",
                         "quantize"]  # fmt: skip
    biases = [op.inputs[2] for op in made.graph.ops if op.stem.endswith("conv2d")]
    assert [made.graph.tensor(n or "").type.dtype.value for n in biases] == [
        "int32", "int64", "int64", "int32",
    ]  # fmt: skip


def test_an_input_is_int16_when_only_int16_reads_it() -> None:
    graph = small_cnn()
    made = quantise(graph, samples(graph, 6), Settings("minmax", False, True, int16=("0",)))
    assert types(made.graph)["in0"] == "int16"
    made = quantise(graph, samples(graph, 6), Settings("minmax", False, True, int16=("t4",)))
    assert types(made.graph)["in0"] == "int8"


def test_pools_and_reshapes_follow_the_layer_before_them() -> None:
    graph = small_cnn()
    made = quantise(graph, samples(graph, 6), Settings("minmax", False, True, int16=("t4",)))
    kinds = types(made.graph)
    assert kinds["t5"] == "int16"  # MAX_POOL_2D
    assert kinds["t6"] == "int8"


@pytest.mark.parametrize("by_rows", [False, True])
def test_rows_are_exact(by_rows: bool) -> None:
    path = next(p for p in int16_files() if p.stem == "small_all_int16")
    options = Options(optimize="ram", input_rows=by_rows)
    core = load_board(BOARDS["m0+"]).core
    compilation = compile_model(load_model(path), path.stem, core, options)
    assert compilation.program.streams
    port, inputs = inputs_of(path, compilation.source)
    recorded = np.stack(recorded_models()[path.stem].outputs)
    vectors = Vectors(tuple({port: x} for x in inputs), "recorded", {"tflite": recorded})
    assert verify_host(compilation, vectors, flags=("-O1",)).recorded == ("tflite",)


def test_a_build_goes_from_int8_to_int16_by_table() -> None:
    path = next(p for p in int16_files() if p.stem == "digits_mixed_int16")
    source = build(tflite.read(load_model(path)), "net")
    graph = run_passes(source, PASSES)
    assert any(t.type.dtype is DType.FLOAT32 for t in source.activations())
    assert not any(t.type.dtype is DType.FLOAT32 for t in graph.activations())
    for value in inputs_of(path, source)[1][:4]:
        before, after = (evaluate(g, {g.inputs[0]: value}) for g in (source, graph))
        np.testing.assert_array_equal(before[source.outputs[0]], after[graph.outputs[0]])


def test_a_file_reads_back_as_it_was_written() -> None:
    graph = forks()
    made = quantise(graph, samples(graph, 6), Settings("minmax", False, True, int16=("all",)))
    read = build(tflite.read(write(made.graph)), "net")
    assert write(read) == write(made.graph)


def test_layers_that_are_not_there_are_all_named() -> None:
    graph = small_cnn()
    with pytest.raises(InputError, match=r"'nope'[\s\S]*'77'"):
        quantise(graph, samples(graph, 4), Settings("minmax", False, True, int16=("nope", "77")))


def test_a_layer_without_an_int16_form_is_refused() -> None:
    net = FloatNetwork(2)
    hidden = net.relu(net.conv(net.input(1, 5, 5, 2), 3, activation="NONE"), "RELU_N1_TO_1")
    graph = net.graph(net.scale(hidden, 0.5))
    # Fused activations vanish: keep the operator apart.
    quantiser = Quantiser(graph, samples(graph, 4))
    quantiser._prepared[False] = graph, quantiser._prepared[False][1]
    with pytest.raises(InputError, match="no such kernel on int16"):
        quantiser.recipes(Settings("minmax", False, True, int16=(hidden,)))


def test_a_target_beyond_int8_moves_layers_to_int16() -> None:
    graph = small_cnn()
    quantiser = Quantiser(graph, samples(graph, 12))
    start = quantiser.make(PLAIN)
    able = frozenset(wide_forms(start.prepared))
    have, best = quantiser.trial(PLAIN), quantiser.trial(replace(PLAIN, wide=able))
    target = have + 0.6 * (best - have)
    made, attempts = search(quantiser, start, target)
    assert quantiser.trial(made.recipe) >= target
    assert any(a.observer == "int16" and a.kept for a in attempts)
    # Not more than it takes: the input layers, with most values, stay out where they can.
    assert made.recipe.wide < able


def test_the_cheapest_sufficient_layer_is_found() -> None:
    """A single dense layer at the end ruins the output; nothing else needs int16."""
    net = FloatNetwork(11)
    x = net.conv(net.input(1, 8, 8, 3), 6)
    x = net.conv(x, 6)
    last = net.dense(x, 8)
    graph = net.graph(last)
    quantiser = Quantiser(graph, samples(graph, 12))
    made = quantiser.make(PLAIN)
    target = quantiser.trial(replace(PLAIN, wide=frozenset({last}))) - 0.1
    assert target > quantiser.trial(PLAIN) + 0.3
    found = mix(quantiser, made, target, sensitivities(made, quantiser.samples))
    assert found.sqnr >= target
    assert found.recipe.wide == {last}


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8] if FULL else [0.6])
def test_the_mixture_costs_little_more_than_the_best_of_all(share: float) -> None:
    """Every set of layers is tried; those that reach the target are compiled."""
    graph = small_cnn()
    quantiser = Quantiser(graph, samples(graph, 8))
    made = quantiser.make(PLAIN)
    prepared = made.prepared
    order = sensitivities(made, quantiser.samples)
    able = [s.output for s in order if s.output in wide_forms(prepared)]
    sets = {
        with_followers(prepared, frozenset(chosen))
        for count in range(len(able) + 1)
        for chosen in itertools.combinations(able, count)
    }
    quality = {wide: quantiser.trial(replace(PLAIN, wide=wide)) for wide in sets}
    have = quality[frozenset()]
    target = have + share * (max(quality.values()) - have)
    mixture = mix(quantiser, made, target, order)
    assert mixture.sqnr >= target

    def cycles(wide: frozenset[str]) -> int:
        blob = write(quantiser.make(replace(PLAIN, wide=wide)).graph)
        program = compile_model(blob, "net", CORES["m4"]).program
        return sum(call.cost.cycles for call in program.calls)

    enough = sorted((w for w, sqnr in quality.items() if sqnr >= target), key=len)
    best = min(cycles(wide) for wide in enough[: None if FULL else 12])
    assert cycles(mixture.recipe.wide) <= 1.3 * best
