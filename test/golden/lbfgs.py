"""The golden runs of L-BFGS: every point that PyTorch's torch.optim.LBFGS evaluates and every step that it takes.

Writes lbfgs.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/lbfgs.py

A run of k steps is one call of `step` with max_iter = k and no limit of evaluations. Each is repeated for k = 1, 2, ...
from the same start, so that the point after every step is seen from outside; the last run also records what it asks
for. All in float64.

Where steps magnify rounding, no two implementations agree for long: PyTorch does not agree with itself from a start that
is one unit in the last place away. A run is recorded up to where such neighbours are 1e-11 apart.
"""

import json
import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = 60
APART = 1e-11


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def beale(p):
    x, y = p
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def quadratic(condition):
    def value(x):
        ratios = torch.arange(len(x), dtype=torch.float64) / (len(x) - 1)
        return 0.5 * (condition**ratios * x * x).sum()

    return value


SURFACES = {
    "rosenbrock": (rosenbrock, {"dimensions": 2}, [-1.2, 1.0]),
    "rosenbrock 6": (rosenbrock, {"dimensions": 6}, [-1.2, 1.0, -0.5, 0.8, 0.3, -0.7]),
    "beale": (beale, None, [1.0, 1.0]),
    "quadratic": (quadratic(1e4), {"dimensions": 5, "condition": 1e4}, [1.0, -2.0, 0.5, 3.0, -1.0]),
}
# Names of this library; PyTorch's stand beside them below.
OPTIONS = [
    {"lineSearch": "none"},
    {"lineSearch": "none", "learningRate": 0.3, "historySize": 3},
    {"lineSearch": "none", "changeTolerance": 1e-4},
    {"lineSearch": "strong-wolfe"},
    {"lineSearch": "strong-wolfe", "historySize": 2},
    {"lineSearch": "strong-wolfe", "learningRate": 0.1, "historySize": 10},
    {"lineSearch": "strong-wolfe", "learningRate": 5, "historySize": 1},
    {"lineSearch": "strong-wolfe", "gradientTolerance": 1e-2},
]
TORCH = {"learningRate": "lr", "historySize": "history_size", "gradientTolerance": "tolerance_grad",
         "changeTolerance": "tolerance_change"}


def run(value, start, options, steps):
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    search = None if options["lineSearch"] == "none" else "strong_wolfe"
    chosen = {TORCH[name]: each for name, each in options.items() if name in TORCH}
    optimizer = torch.optim.LBFGS([x], max_iter=steps, max_eval=10**9, line_search_fn=search, **chosen)
    asked = []

    def closure():
        optimizer.zero_grad()
        loss = value(x)
        loss.backward()
        asked.append(x.tolist())
        return loss

    optimizer.step(closure)
    taken = optimizer.state[x]["n_iter"]
    return {"steps": taken, "point": x.tolist(), "value": value(x).item(), "asked": asked}


def neighbours(start):
    """The start with every number one unit up, every number one down, and both by turns."""
    unit = 2.0**-52
    for signs in [(1, 1), (-1, -1), (1, -1), (-1, 1)]:
        yield [x * (1 + unit * signs[i % 2]) for i, x in enumerate(start)]


def apart(a, b):
    numbers = zip([*a["point"], a["value"]], [*b["point"], b["value"]])
    return max(abs(x - y) / max(1, abs(x)) for x, y in numbers)


def record(name, options):
    value, made, start = SURFACES[name]
    steps, converged = [], False
    for count in range(1, STEPS + 1):
        last = run(value, start, options, count)
        # An iteration that finds the slope flat ends before it moves.
        if last["steps"] < count or (steps and last["point"] == steps[-1]["point"]):
            converged = True
            break
        others = [run(value, each, options, count) for each in neighbours(start)]
        if max(apart(last, other) for other in others) > APART:
            break
        steps.append({"point": last["point"], "value": last["value"]})
    asked = run(value, start, options, len(steps))["asked"]
    return {"surface": name.split()[0], "surfaceOptions": made, "start": start, "options": options,
            "converged": converged, "steps": steps, "evaluated": asked}


def main():
    torch.set_num_threads(1)
    runs = [record(name, options) for name in SURFACES for options in OPTIONS]
    with open(os.path.join(HERE, "lbfgs.json"), "w") as file:
        json.dump({"torch": torch.__version__, "runs": runs}, file)
        file.write("\n")


if __name__ == "__main__":
    main()
