"""The golden runs of the learning-rate schedules: the rates of PyTorch's schedulers, step by step.

Writes schedules.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/schedules.py

Each run has a name, the scheduler's class, its arguments and the rate before every step: the first is the rate that the
first step of the optimizer would use. A run of ReduceLROnPlateau has the observed numbers too, and the rate behind each.
"""

import json
import math
import os

import torch
from torch.optim import lr_scheduler as schedulers

HERE = os.path.dirname(os.path.abspath(__file__))
RATE = 0.1


def optimizer(rate=RATE):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate, momentum=0.9)


def rates(scheduler, steps):
    """The rate before each of some steps."""
    # The optimizer of a SequentialLR or ChainedScheduler is that of its first scheduler.
    target = scheduler.optimizer
    found = []
    for _ in range(steps):
        found.append(target.param_groups[0]["lr"])
        target.step()
        scheduler.step()
    return found


def simple(name, arguments, steps):
    """A scheduler by its class's name."""
    scheduler = getattr(schedulers, name)(optimizer(), **arguments)
    return {"scheduler": name, "arguments": arguments, "rates": rates(scheduler, steps)}


def by_lambda(name, formula, function, steps):
    scheduler = getattr(schedulers, name)(optimizer(), function)
    return {"scheduler": name, "arguments": {"formula": formula}, "rates": rates(scheduler, steps)}


def sequential(parts, milestones, steps):
    target = optimizer()
    made = [getattr(schedulers, name)(target, **arguments) for name, arguments in parts]
    scheduler = schedulers.SequentialLR(target, made, milestones)
    arguments = {"schedulers": parts, "milestones": milestones}
    return {"scheduler": "SequentialLR", "arguments": arguments, "rates": rates(scheduler, steps)}


def chained(parts, steps):
    target = optimizer()
    scheduler = schedulers.ChainedScheduler([getattr(schedulers, name)(target, **arguments) for name, arguments in parts])
    return {"scheduler": "ChainedScheduler", "arguments": {"schedulers": parts}, "rates": rates(scheduler, steps)}


def plateau(arguments, observed):
    target = optimizer()
    scheduler = schedulers.ReduceLROnPlateau(target, **arguments)
    found = []
    for value in observed:
        scheduler.step(value)
        found.append(target.param_groups[0]["lr"])
    # JSON has no NaN.
    numbers = [None if math.isnan(value) else value for value in observed]
    return {"scheduler": "ReduceLROnPlateau", "arguments": arguments, "observed": numbers, "rates": found}


def losses(count, noise):
    """A loss that falls, then stays: the same numbers everywhere, since they are written down."""
    return [round(1 / (1 + min(i, 20)) + noise * ((i * 7919) % 101) / 101, 6) for i in range(count)]


def main():
    runs = [
        simple("StepLR", {"step_size": 10}, 60),
        simple("StepLR", {"step_size": 1, "gamma": 0.5}, 40),
        simple("StepLR", {"step_size": 7, "gamma": 0.95}, 200),
        simple("MultiStepLR", {"milestones": [10, 25, 26], "gamma": 0.3}, 60),
        simple("MultiStepLR", {"milestones": [1]}, 10),
        simple("ConstantLR", {"factor": 0.5, "total_iters": 4}, 10),
        simple("ConstantLR", {}, 10),
        simple("LinearLR", {}, 12),
        simple("LinearLR", {"start_factor": 0.01, "end_factor": 1.0, "total_iters": 50}, 70),
        simple("LinearLR", {"start_factor": 1.0, "end_factor": 0.125, "total_iters": 30}, 50),
        simple("ExponentialLR", {"gamma": 0.9}, 100),
        simple("ExponentialLR", {"gamma": 0.999}, 200),
        simple("PolynomialLR", {"total_iters": 20}, 30),
        simple("PolynomialLR", {"total_iters": 50, "power": 2.0}, 60),
        simple("PolynomialLR", {"total_iters": 50, "power": 0.9}, 60),
        simple("CosineAnnealingLR", {"T_max": 10}, 11),
        simple("CosineAnnealingLR", {"T_max": 100, "eta_min": 0.001}, 101),
        simple("CosineAnnealingWarmRestarts", {"T_0": 10}, 45),
        simple("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.001}, 160),
        simple("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 3}, 60),
    ]
    for anneal in ["cos", "linear"]:
        for three in [False, True]:
            shape = {"anneal_strategy": anneal, "three_phase": three}
            runs += [
                simple("OneCycleLR", {"max_lr": 0.2, "total_steps": 100, **shape}, 100),
                # Phases whose ends are not whole.
                simple(
                    "OneCycleLR",
                    {
                        "max_lr": 0.05,
                        "total_steps": 37,
                        "pct_start": 0.23,
                        "div_factor": 10.0,
                        "final_div_factor": 100.0,
                        **shape,
                    },
                    37,
                ),
                # No step on the way up.
                simple("OneCycleLR", {"max_lr": 0.05, "total_steps": 20, "pct_start": 0.0, **shape}, 20),
            ]
    for mode in ["triangular", "triangular2", "exp_range"]:
        gamma = {"gamma": 0.99} if mode == "exp_range" else {}
        runs += [
            simple("CyclicLR", {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 8, "mode": mode, **gamma}, 80),
            simple(
                "CyclicLR",
                {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5, "step_size_down": 9, "mode": mode, **gamma},
                80,
            ),
        ]
    runs += [
        by_lambda("LambdaLR", "1 / (1 + 0.5 t / 10)", lambda t: 1 / (1 + 0.5 * t / 10), 60),
        by_lambda("LambdaLR", "1 / (1 + 0.5 floor(t / 10))", lambda t: 1 / (1 + 0.5 * (t // 10)), 60),
        by_lambda("LambdaLR", "0.5 ** (t / 10)", lambda t: 0.5 ** (t / 10), 60),
        by_lambda("LambdaLR", "0.5 ** floor(t / 10)", lambda t: 0.5 ** (t // 10), 60),
        by_lambda("MultiplicativeLR", "0.95", lambda t: 0.95, 60),
        # The usual schedule of transformers: a line up from 0, then half a period of a cosine.
        by_lambda(
            "LambdaLR",
            "t < 10: t / 10, else (1 + cos(pi min(1, (t - 10) / 40))) / 2",
            lambda t: t / 10 if t < 10 else (1 + math.cos(math.pi * min(1, (t - 10) / 40))) / 2,
            60,
        ),
        sequential(
            [
                ["LinearLR", {"start_factor": 0.1, "total_iters": 10}],
                ["CosineAnnealingWarmRestarts", {"T_0": 40}],
                ["ExponentialLR", {"gamma": 0.9}],
            ],
            [10, 50],
            80,
        ),
        chained(
            [
                ["LinearLR", {"start_factor": 0.1, "total_iters": 10}],
                ["ExponentialLR", {"gamma": 0.97}],
                ["MultiStepLR", {"milestones": [20, 40], "gamma": 0.5}],
            ],
            60,
        ),
        plateau({}, losses(80, 0)),
        plateau({"patience": 2, "factor": 0.5}, losses(80, 0.05)),
        plateau({"patience": 0, "cooldown": 3, "factor": 0.7, "min_lr": 0.01}, losses(60, 0.1)),
        plateau({"patience": 3, "threshold": 0.02, "threshold_mode": "abs"}, losses(60, 0)),
        plateau({"patience": 1, "mode": "max", "factor": 0.3}, [1 - value for value in losses(60, 0.02)]),
        plateau({"patience": 1, "mode": "max", "threshold": 0.05, "threshold_mode": "abs"}, [-v for v in losses(40, 0.1)]),
        # Numbers below 0, where a share of the best lies on the other side of it.
        plateau({"patience": 2, "threshold": 0.1}, [value - 2 for value in losses(40, 0.1)]),
        # What is no number is no improvement.
        plateau({"patience": 1}, [1.0, math.nan, 0.9, math.nan, math.nan, math.nan, 0.5, 0.5, 0.5, 0.4]),
        # Reductions that are too small to be made.
        plateau({"patience": 0, "factor": 0.1, "eps": 1e-3}, [1.0] * 12),
        # No improvement at all: a number, once seen, is better than nothing, whatever its size.
        plateau({"patience": 1, "cooldown": 2, "factor": 0.5}, [5.0] * 20),
    ]
    for index, run in enumerate(runs):
        run["name"] = f"{index} {run['scheduler']}"
    with open(os.path.join(HERE, "schedules.json"), "w") as file:
        lines = ",\n".join("    " + json.dumps(run, allow_nan=False) for run in runs)
        file.write(f'{{\n  "torch": "{torch.__version__}",\n  "rate": {RATE},\n  "runs": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
