"""PyTorch, as the process that host.js is for the others: a request a line on standard input, an answer a line on
descriptor 3. The only argument is the JSON of the options: {"threads": n}."""

import json
import math
import os
import sys
import time

OPTIONS = json.loads(sys.argv[1])
# Read when OpenBLAS and OpenMP are loaded, so they stand before any import of torch.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(OPTIONS["threads"])

import numpy as np

SAMPLE_MS, WARM_MS, CHECK_MS = 2, 500, 5000  # as in host.js


def now():
    return time.perf_counter() * 1e3


def finite(x):
    """JSON has no NaN; JavaScript writes null for it."""
    return x if math.isfinite(x) else None


def hash32(i):
    """As in workload.js."""
    h = i.astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def signed(stream, count):
    i = np.arange(count, dtype=np.uint64) + np.uint64(stream * 0x10000000)
    return (hash32(i) >> np.uint32(8)).astype(np.float64) / 2.0**23 - 1.0


def open_steps(c, tune=True):
    return open_model(c) if "model" in c else open_mlp(c, tune)


def open_model(c):
    import torch
    from pytorch_models import MODELS

    a = c["architecture"]
    parameters = {}
    for number, parameter in enumerate(a["parameters"]):
        shape, limit = parameter["shape"], parameter["limit"]
        values = signed(number + 1, math.prod(shape)) * limit if limit else np.full(shape, parameter["value"])
        parameters[parameter["name"]] = torch.from_numpy(values.astype(np.float32).reshape(shape))
    size = a["batch"] * math.prod(a["input"])
    if "vocabulary" in a:
        tokens = hash32(np.arange(size, dtype=np.uint64)) % a["vocabulary"]
        x = torch.from_numpy(tokens.astype(np.int64).reshape(a["batch"], *a["input"]))
    else:
        x = torch.from_numpy(((signed(0, size) + 1) / 2).astype(np.float32).reshape(a["batch"], *a["input"]))
        if x.dim() == 4:
            x = x.permute(0, 3, 1, 2).contiguous()
    count = size if "vocabulary" in a else a["batch"]
    first = hash32(np.arange(count, dtype=np.uint64) + np.uint64(0x80000000)) % a["classes"]
    targets = [torch.from_numpy(((first + k) % a["classes"]).astype(np.int64)) for k in range(2)]

    def make(foreach):
        weights, forward = MODELS[c["model"]](parameters)
        # Of their own: both ways to update begin at the same values.
        trained = []
        for name in weights:
            if not isinstance(weights[name], torch.nn.Parameter):
                weights[name] = torch.nn.Parameter(weights[name].clone())
            trained.append(weights[name])
        return steps_of(trained, lambda k: torch.nn.functional.cross_entropy(forward(x), targets[k]), c, foreach)

    return faster(make, 3)


def steps_of(trained, loss_of, c, foreach):
    """Training steps on two sets of labels in turn."""
    import torch

    optimizer = torch.optim.Adam(trained, lr=c["learningRate"], foreach=foreach)
    done = 0

    def run(count):
        nonlocal done
        for _ in range(count):
            loss = loss_of(done % 2)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            done += 1
        return loss.item()

    return run


def open_mlp(c, tune):
    import torch

    sizes, batch = c["sizes"], c["batch"]
    images = ((signed(0, batch * sizes[0]) + 1) / 2).astype(np.float32).reshape(batch, sizes[0])
    first = hash32(np.arange(batch, dtype=np.uint64) + np.uint64(0x80000000)) % sizes[-1]
    x = torch.from_numpy(images)
    targets = [torch.from_numpy(((first + k) % sizes[-1]).astype(np.int64)) for k in range(2)]

    def make(foreach):
        layers = []
        for number, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            linear = torch.nn.Linear(inputs, outputs)
            kernel = (signed(number + 1, inputs * outputs) * math.sqrt(6 / (inputs + outputs))).astype(np.float32)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(kernel.reshape(inputs, outputs).T.copy()))
                linear.bias.zero_()
            layers += [linear, torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        return steps_of(
            list(model.parameters()),
            lambda k: torch.nn.functional.cross_entropy(model(x), targets[k]),
            c,
            foreach,
        )

    return faster(make, 20) if tune else (make(True), None)


def open_update(c):
    import torch

    def make(foreach):
        parameter = torch.nn.Parameter(torch.from_numpy(signed(0, c["parameters"]).astype(np.float32)))
        parameter.grad = torch.from_numpy(signed(1, c["parameters"]).astype(np.float32))
        optimizer = torch.optim.Adam([parameter], lr=c["learningRate"], foreach=foreach)

        def run(count):
            for _ in range(count):
                optimizer.step()
            return parameter[0].item()

        return run

    return faster(make, 2)


class Unable(Exception):
    """What this version of PyTorch cannot do."""


# Of the optimizers that this version has: its name, and its names for our options.
OPTIMIZERS = {
    "sgd": ("SGD", {"lr": 1e-2}),
    "asgd": ("ASGD", {}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {}),
    "rmsprop": ("RMSprop", {}),
    "adam": ("Adam", {}),
    "adamW": ("AdamW", {}),
    "adamax": ("Adamax", {}),
    "nadam": ("NAdam", {}),
    "radam": ("RAdam", {}),
    "rprop": ("Rprop", {}),
}


def open_optimizers(c):
    import torch

    if c["optimizer"] not in OPTIMIZERS:
        raise Unable(f"has no {c['optimizer']}")
    name, fixed = OPTIMIZERS[c["optimizer"]]
    options = {key: bool(value) if key == "amsgrad" else value for key, value in c["options"].items()}

    def make(foreach):
        parameter = torch.nn.Parameter(torch.from_numpy(signed(0, c["parameters"]).astype(np.float32)))
        parameter.grad = torch.from_numpy(signed(1, c["parameters"]).astype(np.float32))
        optimizer = getattr(torch.optim, name)([parameter], foreach=foreach, **fixed, **options)

        def run(count):
            for _ in range(count):
                optimizer.step()
            return parameter[0].item()

        return run

    return faster(make, 2)


def open_gemm(c):
    import torch

    m, k, n = c["m"], c["k"], c["n"]
    a = torch.from_numpy(((signed(0, m * k) + 1) / 2).astype(np.float32).reshape(m, k))
    b = torch.from_numpy(((signed(1, k * n) + 1) / 2).astype(np.float32).reshape(k, n))
    out = torch.empty(m, n)

    def run(count):
        for _ in range(count):
            torch.mm(a, b, out=out)
        return out[0, 0].item()

    return run, None


def faster(make, steps):
    """Updates of tensors one by one or all at once: which is faster depends on their sizes, so both are tried."""
    best = {}
    for foreach in (False, True):
        run = make(foreach)
        run(steps)
        for _ in range(3):
            start = now()
            run(steps)
            best[foreach] = min(best.get(foreach, math.inf), now() - start)
    foreach = best[True] < best[False]
    return make(foreach), "foreach" if foreach else "one tensor at a time"


OPEN = {"gemm": open_gemm, "steps": open_steps, "update": open_update, "optimizers": open_optimizers}


class Host:
    def load(self, _request):
        import torch

        torch.set_num_threads(OPTIONS["threads"])
        with open("/proc/self/maps") as maps:
            blas = "OpenBLAS" if "openblas" in maps.read() else "another BLAS"
        capability = torch.__config__.show().split("CPU capability usage: ")[-1].split()[0]
        return {
            "version": f"{torch.__version__}, {blas}",
            "threads": OPTIONS["threads"],
            "instructionSet": f"native {capability}",
            "suites": list(OPEN),
        }

    def open(self, request):
        self.run, note = OPEN[request["suite"]](request["case"])
        first = last = self.run(1)
        done, end = 1, now() + CHECK_MS
        while done < request["checkUnits"] and now() < end:
            last = self.run(1)
            done += 1
        self.warm()
        return {"first": finite(first), "last": finite(last), "done": done, "note": note}

    def warm(self):
        count, end = 1, now() + WARM_MS
        while True:
            start = now()
            self.run(count)
            self.units = max(1, math.ceil(SAMPLE_MS * count / (now() - start)))
            if now() > end:
                return
            count = min(self.units, 2 * count)

    def measure(self, request):
        samples, end = [], now() + request["budgetMs"]
        while True:
            start = now()
            self.run(self.units)
            samples.append((now() - start) / self.units)
            if now() >= end:
                return {"samples": samples}

    def close(self, _request):
        self.run = None
        return {}

    def start(self, request):
        start = now()
        facts = self.load(request)
        run, _note = open_steps(request["case"], tune=False)
        run(1)
        return {"samples": [now() - start], **facts}


def main():
    host = Host()
    with os.fdopen(3, "w") as answers:
        for line in sys.stdin:
            request = json.loads(line)
            try:
                answer = getattr(host, request["do"])(request)
            except (ImportError, Unable) as error:
                answer = {"unable": str(error)}
            except Exception as error:
                answer = {"failed": f"{type(error).__name__}: {error}"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


main()
