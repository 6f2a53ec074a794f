"""Quantised networks: parameters that operators share, biases, and the integers' distance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgegen.errors import InputError, QuantisationError
from edgegen.export.tflite import write
from edgegen.frontends import tflite
from edgegen.frontends.build import build
from edgegen.ir import DType, Graph, QuantParams
from edgegen.ir.verify import verify
from edgegen.ops.softmax import Softmax
from edgegen.quantise.assign import Assignment, assign
from edgegen.quantise.convert import WeightOptions, convert
from edgegen.quantise.correct import correct_biases
from edgegen.quantise.layers import Float64, dequantised, quantised
from edgegen.quantise.measure import Error, deciding, mean_sqnr, measure
from edgegen.quantise.observe import observe
from edgegen.quantise.observers import minmax
from edgegen.quantise.quantise import Quantiser, Recipe, Settings, quantise
from edgegen.quantise.search import search
from edgegen.quantise.sensitivity import sensitivities
from edgegen.verify.reference import evaluate
from tests.quantise.networks import FloatNetwork, forks, samples, small_cnn

PLAIN = Recipe("minmax", equalised=False, corrected=False)


def assigned(graph: Graph) -> Assignment:
    seen = observe(graph, samples(graph, 16))
    return assign(graph, {n: minmax(o.histogram) for n, o in seen.items()})


def converted(graph: Graph) -> Graph:
    result = convert(graph, assigned(graph), WeightOptions())
    verify(result)
    return result


def test_pools_and_reshapes_share_their_inputs_parameters() -> None:
    net = FloatNetwork()
    a = net.conv(net.input(1, 4, 4, 3), 5)
    b = net.average_pool(net.max_pool(a), 2)
    c = net.flatten(b)
    params = assigned(net.graph(net.dense(c, 3))).params
    assert params[a] == params[b] == params[c]


def test_a_concatenation_covers_all_its_inputs() -> None:
    net = FloatNetwork()
    x = net.input(1, 4, 4, 3)
    a, b = net.conv(x, 4, activation="NONE"), net.scale(net.conv(x, 4), [100.0] * 4)
    both = net.concat(a, b)
    params = assigned(net.graph(both)).params
    assert params[a] == params[b] == params[both]


def test_a_narrow_tensor_with_other_readers_is_rescaled_for_a_concatenation() -> None:
    net = FloatNetwork()
    x = net.input(1, 4, 4, 3)
    a, b = net.conv(x, 4), net.scale(net.conv(x, 4), [100.0] * 4)
    graph = net.graph(net.concat(a, b), net.conv(a, 2))
    result = converted(graph)
    assert [op.stem for op in result.ops].count("quantize") == 1
    params = {n: result.tensor(n).type.scale for n in (a, b)}
    assert params[a] < params[b] / 10


def test_fixed_scales_are_what_tflite_fixes() -> None:
    net = FloatNetwork()
    x = net.input(1, 4, 4, 3)
    a = net.logistic(net.conv(x, 4, activation="NONE"))
    soft = net.softmax(net.dense(net.max_pool(a), 6))
    result = converted(net.graph(soft))
    for name in (a, soft):
        kind = result.tensor(name).type
        assert (kind.scale, kind.zero_point) == (1 / 256, -128)
    # What only moves bytes inherits them.
    pooled = result.ops[2].outputs[0]
    assert result.tensor(pooled).type.quant == result.tensor(a).type.quant


def test_a_fixed_scale_does_not_reach_a_concatenations_other_inputs() -> None:
    net = FloatNetwork()
    x = net.input(1, 4, 4, 3)
    a = net.logistic(net.conv(x, 4, activation="NONE"))
    b = net.conv(x, 4, activation="NONE")
    graph = net.graph(net.concat(a, b))
    result = converted(graph)
    assert result.tensor(a).type.scale == 1 / 256
    assert result.tensor(b).type.quant == result.tensor(graph.outputs[0]).type.quant
    assert result.tensor(b).type.scale != 1 / 256


def test_constant_operands_are_quantised_too() -> None:
    net = FloatNetwork()
    x = net.input(1, 4, 4, 3)
    graph = net.graph(net.offset(net.scale(x, [0.5, 2.0, -3.0]), np.ones((1, 4, 4, 3))))
    result = converted(graph)
    assert all(t.type.dtype is DType.INT8 for t in result.tensors.values())
    assert sqnr(graph, result) > 30


def sqnr(source: Graph, result: Graph, seed: int = 7) -> float:
    names = {n: n for n in source.outputs}
    return mean_sqnr(
        source.outputs, measure(source, result, samples(source, 16, seed), names=names)
    )


def test_weights_shared_by_two_layers_get_biases_of_their_own() -> None:
    net = FloatNetwork()
    x = net.input(1, 4, 4, 4)
    a = net.conv(x, 4, 1)
    b = net.conv(net.scale(a, [30.0] * 4), 4, 1)
    graph = net.graph(b)
    ops = list(graph.ops)
    ops[2] = replace(ops[2], inputs=(ops[2].inputs[0], *ops[0].inputs[1:]))
    graph = replace(graph, ops=tuple(ops))
    assert sqnr(graph, converted(graph)) > 30


def test_the_file_is_read_back_as_the_graph() -> None:
    graph = small_cnn()
    made = quantise(graph, samples(graph, 8), Settings(observer="minmax", equalise=False))
    back = build(tflite.read(write(made.graph)), "net")
    inputs = samples(graph, 1)[0]
    quant = back.tensor(back.inputs[0]).type.quant
    assert quant is not None
    sample = {back.inputs[0]: quantised(inputs[graph.inputs[0]], quant)}
    one, two = evaluate(made.graph, sample), evaluate(back, sample)
    assert list(one) == list(two)
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name])


def test_bias_correction_removes_the_mean_error() -> None:
    net = FloatNetwork(3)
    x = net.input(1, 6, 6, 4)
    # Weights in few steps give every channel an error of its own.
    rough = np.round(net.random.normal(size=(8, 3, 3, 4)), 1)
    rough[:, 0, 0, 0] = 90.0
    graph = net.graph(net.conv(x, 8, weights=rough, activation="NONE"))
    # Inputs are positive, so that errors of weights do not cancel.
    inputs = [{n: np.abs(v) for n, v in s.items()} for s in samples(graph, 16)]
    seen = observe(graph, inputs)
    before = convert(
        graph, assign(graph, {n: minmax(o.histogram) for n, o in seen.items()}), WeightOptions()
    )
    after = correct_biases(graph, before, inputs)

    def mean_errors(result: Graph) -> Float64:
        (name,) = graph.outputs
        source, output = result.tensor(x).type.quant, result.tensor(name).type.quant
        assert source is not None
        assert output is not None
        errors = []
        for sample in inputs:
            image = dequantised(evaluate(result, {x: quantised(sample[x], source)})[name], output)
            want = evaluate(graph, sample)[name].astype(np.float64)
            errors.append((image - want).mean(axis=(0, 1, 2)))
        return np.asarray(np.mean(errors, axis=0))

    step = before.tensor(graph.outputs[0]).type.scale
    assert np.abs(mean_errors(before)).max() > 0.5 * step
    assert np.abs(mean_errors(after)).max() < 0.1 * step


def test_all_kinds_of_operators_together() -> None:
    graph = forks()
    made = Quantiser(graph, samples(graph, 16)).make(Recipe("mse", equalised=True, corrected=True))
    assert [op.stem for op in made.graph.ops].count("quantize") >= 2
    assert sqnr(made.prepared, made.graph) > 20


def test_recipes_are_compared_and_the_best_is_taken() -> None:
    graph = small_cnn()
    made = quantise(graph, samples(graph, 12))
    assert made.recipe in made.trials
    assert made.trials[made.recipe] >= max(made.trials.values()) - 1.0
    assert sqnr(graph, made.graph, 99) > 25


def test_quantisation_is_deterministic() -> None:
    graph = small_cnn()
    blobs = {
        write(Quantiser(graph, samples(graph, 4)).make(Recipe("mse", True, True)).graph)
        for _ in range(2)
    }
    assert len(blobs) == 1


def test_the_most_harmful_layer_is_found() -> None:
    net = FloatNetwork(5)
    x = net.input(1, 6, 6, 4)
    a = net.conv(x, 6)
    # One channel a thousand times larger than the rest ruins the resolution of this layer.
    weights = net.random.normal(size=(6, 1, 1, 6))
    weights[0] *= 1000
    bad = net.conv(a, 6, 1, weights=weights)
    b = net.scale(bad, [0.001, 1, 1, 1, 1, 1])
    graph = net.graph(net.conv(b, 4))
    quantiser = Quantiser(graph, samples(graph, 8))
    # The product must not fold away the damage.
    quantiser._prepared[False] = graph, observe(graph, samples(graph, 8))
    found = sensitivities(quantiser.make(PLAIN), samples(graph, 4))
    # Its reader rounds its input, the same tensor, to int8.
    assert {s.output for s in found[:2]} == {bad, b}
    assert found[1].sqnr < found[2].sqnr - 10
    assert {s.output for s in found} == {op.outputs[0] for op in graph.ops}


def test_sensitivity_is_what_one_layer_does_alone() -> None:
    net = FloatNetwork(6)
    graph = net.graph(net.conv(net.input(1, 5, 5, 3), 4))
    inputs = samples(graph, 4)
    made = Quantiser(graph, inputs).make(PLAIN)
    (only,) = sensitivities(made, inputs)
    whole = measure(made.prepared, made.graph, inputs)
    assert only.sqnr == pytest.approx(mean_sqnr(graph.outputs, whole))


def test_a_target_within_reach_is_reached() -> None:
    graph = small_cnn()
    quantiser = Quantiser(graph, samples(graph, 12))
    start = quantiser.make(PLAIN)
    have = quantiser.trial(PLAIN)
    made, attempts = search(quantiser, start, have + 0.2)
    assert quantiser.trial(made.recipe) >= have + 0.2
    assert any(a.kept for a in attempts)
    assert search(quantiser, start, have - 1) == (start, ())


def test_a_target_out_of_reach_names_the_layers_that_hurt() -> None:
    graph = small_cnn()
    quantiser = Quantiser(graph, samples(graph, 6))
    with pytest.raises(QuantisationError, match=r"below the 90 dB.*\n.*op \d"):
        search(quantiser, quantiser.make(PLAIN), 90.0)


def test_deciding_tensors_are_in_front_of_the_squashing_ones() -> None:
    graph = small_cnn()
    assert deciding(graph) == (graph.ops[-1].inputs[0],)


def test_sqnr_and_clipping_by_hand() -> None:
    error = Error()
    real = np.array([3.0, 4.0, -100.0])
    error.add(real, np.array([3.0, 3.0, -64.0]), QuantParams((0.5,), (0,)))
    assert error.sqnr == pytest.approx(10 * np.log10((9 + 16 + 10000) / (1 + 36**2)))
    assert error.clipped == 1
    assert (error.low, error.high) == (-100.0, 4.0)


def test_a_gain_for_each_channel_is_seen_through() -> None:
    error = Error()
    random = np.random.default_rng(1)
    real = random.normal(size=(50, 3))
    error.add(real, real * [1.0, 0.25, 8.0], None)
    assert error.sqnr < 0
    assert error.fitted_sqnr > 200


def test_samples_are_needed() -> None:
    with pytest.raises(InputError, match="no samples"):
        quantise(small_cnn(), [])


def test_an_int8_model_is_refused() -> None:
    graph = small_cnn()
    made = quantise(graph, samples(graph, 2), Settings(observer="minmax", equalise=False))
    with pytest.raises(InputError, match="no float input"):
        quantise(made.graph, [{"in0": np.zeros((1, 8, 8, 3), np.int8)}])


def test_samples_that_overflow_are_named() -> None:
    graph = small_cnn()
    bad = samples(graph, 2)
    bad[1]["in0"][0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="sample 1 makes tensor 'in0'"):
        quantise(graph, bad)


def test_what_int8_cannot_do_is_listed() -> None:
    net = FloatNetwork()
    x = net.input(1, 4, 4, 3)
    y = net.relu(net.logistic(net.relu(x, "RELU6")), "RELU")
    graph = net.graph(net.softmax(y))
    # A softmax that nobody can compute on int8: its beta makes a scale out of range.
    last = graph.ops[-1]
    assert isinstance(last, Softmax)
    graph = replace(graph, ops=(*graph.ops[:-1], replace(last, beta=1e-30)))
    with pytest.raises(QuantisationError, match="beta"):
        quantise(graph, samples(graph, 2))
