"""Golden runs of PyTorch's optimizers, in 64 bits: losses and final weights that the engine's 32 bits must reproduce.

Writes optimizers.json beside this file. Run it with a Python that has torch 1.13 (Debian: python3-torch):

    /usr/bin/python3 test/golden/optimizers.py

Two problems, both with the mean squared error. All their numbers come from a hash (mlp.py), so that both sides have the
same bits: u(i) in [-1, 1), and the weights are u(1000 + i) / 2 in the order of the flat vector.

    network     5 -> 6, tanh -> 2, biases 0 at first; four batches of 8 rows in turn
    quadratic   y = x @ w + b of 12 columns, scaled by powers of two so that the condition number is about 1e4; 16 rows

With --print it shows, instead of writing, how far the same runs in 32 bits are from those in 64: a run in which rounding
grows proves nothing about the formula, so its numbers have to be chosen otherwise.
"""

import json
import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = 100
SHOWN = [1, 2, 3, 5, 10, 20, 50, 100]

# Powers of two that the columns of the quadratic are multiplied by.
EXPONENTS = [0, 0, -1, -1, -1, -2, -2, -2, -3, -3, -4, -4]


def spread(first, count):
    """Wellons, "Prospecting for Hash Functions" (2018), lowbias32, as in mlp.py; exact in 32 bits."""
    h = np.arange(first, first + count).astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float64) / 2.0**23 - 1.0


def network():
    x = spread(5, 32 * 5).reshape(32, 5)
    t = np.stack([x[:, 0] * x[:, 1], x[:, 0] - x[:, 1] * x[:, 1]], 1).astype(np.float32)
    batches = [(x[i : i + 8], t[i : i + 8]) for i in range(0, 32, 8)]
    return [5, 6, 2], batches


def quadratic():
    x = spread(5000, 16 * 12).reshape(16, 12) * 2.0 ** np.array(EXPONENTS)
    t = spread(6000, 16).reshape(16, 1)
    return [12, 1], [(x, t)]


PROBLEMS = {"network": network, "quadratic": quadratic}


def condition():
    x = np.concatenate([quadratic()[1][0][0], np.ones((16, 1))], 1)
    return float(np.linalg.cond(x.T @ x))


def falling(step):
    """A learning rate as a share of the first one."""
    return 1 / (1 + step / 10)


def run(problem, name, options, schedule, clip, dtype):
    sizes, batches = PROBLEMS[problem]()
    weights, start = [], 1000
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        for shape in [(fan_in, fan_out), (fan_out,)]:
            count = int(np.prod(shape))
            values = spread(start, count).reshape(shape) / 2
            if problem == "network" and len(shape) == 1:
                values = np.zeros(shape)
            weights.append(torch.tensor(values, dtype=dtype, requires_grad=True))
            start += count
    optimizer = getattr(torch.optim, name)(weights, **options)
    data = [(torch.tensor(x, dtype=dtype), torch.tensor(t, dtype=dtype)) for x, t in batches]
    losses = []
    for step in range(1, STEPS + 1):
        x, t = data[(step - 1) % len(data)]
        for i in range(0, len(weights), 2):
            x = x @ weights[i] + weights[i + 1]
            if i + 2 < len(weights):
                x = torch.tanh(x)
        loss = torch.nn.functional.mse_loss(x, t)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(weights, clip)
        if schedule:
            optimizer.param_groups[0]["lr"] = options["lr"] * schedule(step)
        optimizer.step()
        losses.append(loss.item())
    flat = lambda parts: torch.cat([part.detach().reshape(-1) for part in parts]).tolist()
    made = {"losses": [losses[step - 1] for step in SHOWN], "weights": flat(weights)}
    if name == "ASGD":
        made["average"] = flat([optimizer.state[w]["ax"] for w in weights])
    return made


def written(made):
    """Twelve digits, five more than those of 32 bits; each vector on a line of its own."""
    vectors = [f'"{key}": [{", ".join(f"{x:.12g}" for x in values)}]' for key, values in made.items()]
    return "{\n    " + ",\n    ".join(vectors) + "\n   }"


# PyTorch 1.13 has NAdam's formula right only in its foreach form: the other one multiplies its product by one factor
# twice. Later versions agree with the foreach form.
RUNS = {
    "sgd": ("SGD", dict(lr=0.1)),
    "sgd, schedule": ("SGD", dict(lr=0.1), falling),
    "sgd, weight decay": ("SGD", dict(lr=0.1, weight_decay=0.1)),
    "sgd, momentum": ("SGD", dict(lr=0.05, momentum=0.9)),
    "sgd, momentum, weight decay, schedule": ("SGD", dict(lr=0.1, momentum=0.8, weight_decay=0.01), falling),
    "sgd, dampening": ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.4)),
    "sgd, Nesterov": ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True)),
    "sgd, Nesterov, weight decay, schedule": ("SGD", dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01), falling),
    "clipByGlobalNorm, sgd": ("SGD", dict(lr=0.1, momentum=0.9), None, 0.2),
    "clipByGlobalNorm above every norm": ("SGD", dict(lr=0.1), None, 1e6),
    "asgd": ("ASGD", dict(lr=0.05)),
    "asgd, averaging": ("ASGD", dict(lr=0.05, lambd=0.01, alpha=0.6, t0=10, weight_decay=0.05)),
    "adagrad": ("Adagrad", dict(lr=0.1)),
    "adagrad, decays": ("Adagrad", dict(lr=0.1, lr_decay=0.02, weight_decay=0.1, initial_accumulator_value=0.1, eps=1e-3)),
    "adadelta": ("Adadelta", dict(lr=1.0)),
    "adadelta, weight decay": ("Adadelta", dict(lr=0.7, rho=0.95, eps=1e-4, weight_decay=0.1)),
    "rmsprop": ("RMSprop", dict(lr=0.003)),
    "rmsprop, weight decay": ("RMSprop", dict(lr=0.003, alpha=0.9, eps=1e-3, weight_decay=0.1)),
    "rmsprop, momentum": ("RMSprop", dict(lr=0.002, alpha=0.95, momentum=0.8)),
    "rmsprop, momentum, schedule": ("RMSprop", dict(lr=0.005, alpha=0.95, momentum=0.8, eps=1e-3), falling),
    "rmsprop, centered": ("RMSprop", dict(lr=0.003, centered=True, eps=1e-2)),
    "rmsprop, centered, momentum": ("RMSprop", dict(lr=0.002, centered=True, momentum=0.8, eps=1e-2, weight_decay=0.05)),
    "adam": ("Adam", dict(lr=0.02)),
    "adam, schedule": ("Adam", dict(lr=0.05), falling),
    "adam, other betas": ("Adam", dict(lr=0.01, betas=(0.0, 0.95), eps=1e-3)),
    "adam, weight decay": ("Adam", dict(lr=0.02, weight_decay=0.1)),
    "adam, AMSGrad": ("Adam", dict(lr=0.02, betas=(0.9, 0.95), amsgrad=True)),
    "adamW": ("AdamW", dict(lr=0.02)),
    "adamW, weight decay": ("AdamW", dict(lr=0.02, betas=(0.8, 0.99), weight_decay=0.3)),
    "adamW, AMSGrad": ("AdamW", dict(lr=0.02, betas=(0.9, 0.95), weight_decay=0.1, amsgrad=True)),
    "clipByGlobalNorm, adamW": ("AdamW", dict(lr=0.02, weight_decay=0.1), None, 0.2),
    "adamax": ("Adamax", dict(lr=0.02)),
    "adamax, weight decay": ("Adamax", dict(lr=0.02, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.1)),
    "nadam": ("NAdam", dict(lr=0.02, foreach=True)),
    "nadam, momentum decay": ("NAdam", dict(lr=0.02, betas=(0.8, 0.99), momentum_decay=0.1, weight_decay=0.1, foreach=True)),
    "radam": ("RAdam", dict(lr=0.02)),
    "radam, weight decay": ("RAdam", dict(lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    "rprop": ("Rprop", dict(lr=0.01)),
    "rprop, factors": ("Rprop", dict(lr=0.003, etas=(0.6, 1.1), step_sizes=(1e-4, 0.02))),
}


def main():
    torch.set_num_threads(1)
    # State that PyTorch keeps in scalars of the default type would be rounded to 32 bits.
    torch.set_default_dtype(torch.float64)
    lines = []
    for key, (name, options, *more) in RUNS.items():
        schedule, clip = (more + [None, None])[:2]
        made = {}
        for problem in PROBLEMS:
            exact = made[problem] = run(problem, name, options, schedule, clip, torch.float64)
            if "--print" in sys.argv:
                rounded = run(problem, name, options, schedule, clip, torch.float32)
                a, b = np.array(exact["weights"]), np.array(rounded["weights"])
                first, last = exact["losses"][0], exact["losses"][-1]
                print(f"{key:40} {problem:10} {np.abs(a - b).max() / np.abs(a).max():.1e} {first:.3f} -> {last:.4f}")
        shown = json.dumps({k: v for k, v in options.items() if k != "foreach"})
        problems = "".join(f',\n   "{problem}": {written(vectors)}' for problem, vectors in made.items())
        lines.append(f'  "{key}": {{\n   "optimizer": "{name}", "options": {shown}{problems}\n  }}')
    if "--print" in sys.argv:
        return
    head = {"torch": torch.__version__, "steps": STEPS, "shownSteps": SHOWN, "conditionOfQuadratic": round(condition())}
    with open(os.path.join(HERE, "optimizers.json"), "w") as file:
        file.write(json.dumps(head, indent=1)[:-2] + ',\n "runs": {\n' + ",\n".join(lines) + "\n }\n}\n")


if __name__ == "__main__":
    main()
