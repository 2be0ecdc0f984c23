"""The golden runs of the simplex method: the best corner after every step of SciPy's Nelder-Mead.

Writes nelder-mead.json beside this file. Run it with a Python that has scipy (Debian: python3-scipy):

    /usr/bin/python3 test/golden/nelder-mead.py
"""

import json
import os

import numpy as np
import scipy
from scipy.optimize import Bounds, minimize

HERE = os.path.dirname(os.path.abspath(__file__))


def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] * x[i]) ** 2 + (1 - x[i]) * (1 - x[i]) for i in range(len(x) - 1))


def beale(p):
    x, y = p
    return sum((c - x * (1 - y**k)) ** 2 for k, c in [(1, 1.5), (2, 2.25), (3, 2.625)])


def sphere(x):
    return sum(each * each for each in x)


# Surface, its options, start, the library's options, SciPy's, bounds.
RUNS = [
    (rosenbrock, {"dimensions": 2}, [-1.2, 1.0], {}, {}, None),
    (rosenbrock, {"dimensions": 2}, [0.0, 0.0], {"pointTolerance": 1e-8, "valueTolerance": 1e-8},
     {"xatol": 1e-8, "fatol": 1e-8}, None),
    (rosenbrock, {"dimensions": 2}, [-1.2, 1.0], {}, {}, {"lower": [-2, -2], "upper": [0.5, 2]}),
    (rosenbrock, {"dimensions": 5}, [-1.2, 1.0, 0.5, 0.0, 2.0], {}, {}, None),
    (rosenbrock, {"dimensions": 5}, [-1.2, 1.0, 0.5, 0.0, 2.0], {"coefficients": "adaptive"}, {"adaptive": True}, None),
    (beale, None, [1.0, 1.0], {}, {}, None),
    (sphere, {"dimensions": 6}, [1.0, 2, 3, -3, -2, -1], {"coefficients": "adaptive"}, {"adaptive": True}, None),
    (sphere, {"dimensions": 1}, [2.0], {}, {}, None),
]


def record(function, made, start, options, theirs, bounds):
    box = bounds and Bounds(bounds["lower"], bounds["upper"])
    result = minimize(function, np.array(start), method="Nelder-Mead", bounds=box,
                      options={"return_all": True, "maxiter": 5000, "maxfev": 10000, **theirs})
    assert result.success
    # The first is the start, and the last is there twice: it is noted again when the search has ended.
    steps = [x.tolist() for x in result.allvecs[1:-1]]
    return {"surface": function.__name__, "surfaceOptions": made, "start": start, "options": options, "bounds": bounds,
            "steps": steps, "value": result.fun, "evaluations": result.nfev}


def main():
    runs = [record(*run) for run in RUNS]
    with open(os.path.join(HERE, "nelder-mead.json"), "w") as file:
        json.dump({"scipy": scipy.__version__, "runs": runs}, file)
        file.write("\n")


if __name__ == "__main__":
    main()
