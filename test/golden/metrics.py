"""The golden numbers of the metrics of downhill/losses: scikit-learn's.

Writes metrics.json beside this file. Run it with a Python that has scikit-learn (Debian: python3-sklearn):

    /usr/bin/python3 test/golden/metrics.py

Each run has outputs (f32, rounded so that some are equal) and labels or targets, and what each metric makes of them.
"""

import json
import os
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

HERE = os.path.dirname(os.path.abspath(__file__))
AVERAGED = {"precision": m.precision_score, "recall": m.recall_score, "f1": m.f1_score, "iou": m.jaccard_score}
runs = []


def run(name, outputs, targets, dtype, wanted, **more):
    runs.append(
        {
            "name": name,
            "outputs": {"shape": list(outputs.shape[1:]), "values": outputs.flatten().tolist()},
            "targets": {"shape": list(targets.shape[1:]), "dtype": dtype, "values": targets.flatten().tolist()},
            "wanted": {key: float(value) for key, value in wanted.items()},
            **more,
        }
    )


def averaged(targets, predicted, averages):
    return {
        f"{name} {average}": score(targets, predicted, average=average, zero_division=0)
        for name, score in AVERAGED.items()
        for average in averages
    }


def draw(random, *shape):
    return np.round(random.normal(size=shape), 1).astype(np.float32)


def classes(random, name, n, count, kept, never=None):
    outputs, labels = draw(random, n, count), random.choice(kept, size=n)
    outputs[np.arange(n), labels] += 0.5
    if never is not None:
        outputs[:, never] = -6
    outputs = outputs.astype(np.float32)
    predicted = outputs.argmax(1)
    wanted = averaged(labels, predicted, ["macro", "weighted", "micro"] + (["binary"] if count == 2 else []))
    wanted["balancedAccuracy"] = m.balanced_accuracy_score(labels, predicted)
    wanted["matthewsCorrelation"] = m.matthews_corrcoef(labels, predicted)
    exact = outputs.astype(np.float64)
    shares = np.exp(exact) / np.exp(exact).sum(1, keepdims=True)
    wanted["perplexity"] = np.exp(m.log_loss(labels, shares, labels=range(count)))
    # In the order of the classes where outputs are equal: no number here is as small.
    apart = exact - 1e-6 * np.arange(count)
    for k in range(1, count + 1):
        wanted[f"top{k}"] = m.top_k_accuracy_score(labels, apart, k=k, labels=range(count)) if count > 2 else (
            m.accuracy_score(labels, predicted) if k == 1 else 1.0
        )
    if count == 2:
        wanted["rocAuc"] = m.roc_auc_score(labels, exact[:, 1] - exact[:, 0])
        wanted["averagePrecision"] = m.average_precision_score(labels, exact[:, 1] - exact[:, 0])
    matrix = m.confusion_matrix(labels, predicted, labels=range(count)).tolist()
    run(name, outputs, labels, "i32", wanted, confusionMatrix=matrix)


def binary(random, n):
    scores, targets = np.round(random.random((n, 1)), 1).astype(np.float32), random.integers(0, 2, (n, 1))
    predicted = (scores > 0.5).astype(int)
    wanted = averaged(targets[:, 0], predicted[:, 0], ["binary", "macro", "weighted", "micro"])
    wanted["balancedAccuracy"] = m.balanced_accuracy_score(targets, predicted)
    wanted["matthewsCorrelation"] = m.matthews_corrcoef(targets[:, 0], predicted[:, 0])
    wanted["rocAuc"] = m.roc_auc_score(targets, scores)
    wanted["averagePrecision"] = m.average_precision_score(targets, scores)
    matrix = m.confusion_matrix(targets, predicted).tolist()
    run("one float target", scores, targets, "f32", wanted, confusionMatrix=matrix)


def several(random, n):
    scores, targets = random.random((n, 3)).astype(np.float32), random.integers(0, 2, (n, 3))
    wanted = averaged(targets, (scores > 0.5).astype(int), ["macro", "weighted", "micro"])
    run("several float targets", np.round(scores, 3).astype(np.float32), targets, "f32", wanted)


def numbers(random, name, n, columns, offset):
    targets = (draw(random, n, columns) + offset).astype(np.float32)
    outputs = (targets + draw(random, n, columns) / 2).astype(np.float32)
    t, x = targets.astype(np.float64), outputs.astype(np.float64)
    wanted = {
        "rSquared": m.r2_score(t, x),
        "absoluteError": m.mean_absolute_error(t, x),
        "rootMeanSquaredError": m.mean_squared_error(t.flatten(), x.flatten(), squared=False),
    }
    run(name, outputs, targets, "f32", wanted)


def main():
    warnings.simplefilter("ignore")
    random = np.random.default_rng(5)
    classes(random, "four classes", 40, 4, [0, 1, 2, 3])
    classes(random, "a class that never occurs", 24, 5, [0, 2, 3])
    classes(random, "two classes", 30, 2, [0, 1])
    classes(random, "a class that neither occurs nor is predicted", 24, 4, [0, 1, 3], never=2)
    binary(random, 33)
    several(random, 26)
    numbers(random, "one number", 31, 1, 0)
    numbers(random, "two numbers far from 0", 31, 2, 1000)
    with open(os.path.join(HERE, "metrics.json"), "w") as file:
        lines = ",\n".join("    " + json.dumps(each) for each in runs)
        file.write(f'{{\n  "scikit-learn": "{sklearn.__version__}",\n  "runs": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
