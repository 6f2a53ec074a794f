"""Random networks: whatever is built from the operators quantises well and survives writing."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgegen.export.tflite import write
from edgegen.frontends import tflite
from edgegen.frontends.build import build
from edgegen.ir import Graph
from edgegen.quantise.measure import deciding, mean_sqnr, measure
from edgegen.quantise.quantise import Quantiser, Recipe
from edgegen.verify.reference import evaluate, ramp
from tests.quantise.networks import FloatNetwork, samples

STEPS = (
    "conv", "conv1", "depthwise", "relu", "relu6", "scale", "offset", "add", "product",
    "concat", "logistic", "max_pool", "average_pool",
)  # fmt: skip


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    """A chain of operators over images, some of which also read an earlier tensor."""
    net = FloatNetwork(draw(st.integers(0, 2**16)))
    seen = [net.input(1, 8, 8, draw(st.integers(1, 5)))]
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=8)):
        seen.append(_step(net, step, draw(st.sampled_from(seen)), draw(st.sampled_from(seen))))
    outputs = [seen[-1]]
    if draw(st.booleans()):
        outputs[0] = net.softmax(net.dense(net.flatten(seen[-1]), draw(st.integers(2, 6))))
    if draw(st.booleans()) and seen[-2] != seen[0]:
        outputs.append(seen[-2])
    return net.graph(*outputs)


def _step(net: FloatNetwork, step: str, x: str, other: str) -> str:
    """Adds one operator to `x`; where `other` does not fit, `x` stands for it."""
    channels = net.shape(x)[3]
    if step in ("conv", "conv1"):
        return net.conv(x, 1 + int(net.random.integers(8)), 3 if step == "conv" else 1)
    if step in ("relu", "relu6"):
        return net.relu(x, step.upper())
    if step in ("scale", "offset"):
        constant = net.random.normal(size=channels)
        return net.scale(x, constant) if step == "scale" else net.offset(x, constant)
    if step in ("max_pool", "average_pool"):
        if net.shape(x)[1] < 4:
            return net.relu(x)
        return net.max_pool(x) if step == "max_pool" else net.average_pool(x, 2)
    if step in ("add", "product"):
        fits = net.shape(other) == net.shape(x)
        join = net.add if step == "add" else net.product
        return join(x, other if fits else x)
    if step == "concat":
        fits = net.shape(other)[1:3] == net.shape(x)[1:3]
        return net.concat(x, other if fits else x)
    return net.depthwise(x) if step == "depthwise" else net.logistic(x)


@given(networks(), st.booleans(), st.sampled_from(["minmax", "mse"]))
@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
def test_random_networks_quantise(graph: Graph, equalised: bool, observer: str) -> None:
    inputs = samples(graph, 6)
    made = Quantiser(graph, inputs).make(Recipe(observer, equalised, corrected=True))
    blob = write(made.graph)
    back = build(tflite.read(blob), "net")
    sample = {name: ramp(back.tensor(name).type) for name in back.inputs}
    one, two = evaluate(made.graph, sample), evaluate(back, sample)
    for name in graph.outputs:
        np.testing.assert_array_equal(one[name], two[name])
    names = {n: n for n in (*graph.inputs, *deciding(made.prepared))}
    found = measure(made.prepared, made.graph, inputs, names=names)
    live = [n for n in deciding(made.prepared) if found.errors[n].signal > 0]
    assert not live or mean_sqnr(live, found) > 12
