"""Set the threshold on healthy windows and measure on others.

Writes `metrics.json`, `firmware/threshold.h` and `samples.npz`. Needs numpy and edgegen, whose
numpy reference runs the model. Run in `firmware_examples`:
``python -m vibration_anomaly.evaluate``.
"""

import json

import numpy as np
import numpy.typing as npt

from vibration_anomaly import data
from vibration_anomaly.score import FOLDER, MODEL, Scorer

QUANTILE = 0.999
"""Share of the healthy validation windows below the threshold."""
SAMPLES = 10
SAMPLED_SEVERITY = 1.0
THRESHOLD_H = FOLDER / "firmware" / "threshold.h"


def scores(scorer: Scorer, windows: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Of each window."""
    return np.array([scorer(window) for window in windows])


def area_under_curve(healthy: npt.NDArray[np.int64], faulty: npt.NDArray[np.int64]) -> float:
    """Probability that a faulty window scores higher than a healthy one; ties count half."""
    order = np.sort(healthy)
    below = np.searchsorted(order, faulty, "left") + np.searchsorted(order, faulty, "right")
    return float(np.mean(below / 2 / healthy.size))


def write_samples(scorer: Scorer) -> None:
    """Some healthy windows of the test split and some faulty ones, with the model's outputs."""
    healthy = data.healthy(data.Split("test", data.TEST.stream, SAMPLES))
    faulty = [windows[:1] for _, severity, windows in data.faulty() if severity == SAMPLED_SEVERITY]
    inputs = np.concatenate([healthy, *faulty])
    outputs = np.stack([scorer.output(window) for window in inputs])
    np.savez(FOLDER / "samples.npz", inputs=inputs, outputs=outputs)


def header(threshold: int) -> str:
    """Contents of `firmware/threshold.h`."""
    return (
        "/* threshold.h - written by evaluate.py. */\n"
        "#ifndef THRESHOLD_H\n#define THRESHOLD_H\n\n"
        f"/* {100 * QUANTILE:g} % of the healthy windows score lower. */\n"
        f"#define THRESHOLD {threshold}u\n\n#endif\n"
    )


def main() -> None:
    """Measure and write."""
    scorer = Scorer()
    validation = scores(scorer, data.healthy(data.VALIDATION))
    threshold = int(np.quantile(validation, QUANTILE))
    healthy = scores(scorer, data.healthy(data.TEST))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for fault, severity, windows in data.faulty():
        faulty = scores(scorer, windows)
        found.setdefault(fault, {})[str(severity)] = {
            "detected": round(float(np.mean(faulty > threshold)), 4),
            "area_under_curve": round(area_under_curve(healthy, faulty), 4),
        }
    metrics = {
        "model_bytes": MODEL.stat().st_size,
        "training_windows": data.TRAIN.windows,
        "threshold": threshold,
        "healthy_test_windows": data.TEST.windows,
        "false_alarms": round(float(np.mean(healthy > threshold)), 4),
        "faulty_windows_each": data.FAULTY_WINDOWS,
        "faults_by_severity": found,
    }
    (FOLDER / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    THRESHOLD_H.write_text(header(threshold))
    print(json.dumps(metrics, indent=2))
    write_samples(scorer)


if __name__ == "__main__":
    main()
