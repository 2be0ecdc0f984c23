"""The golden run of convolutions: PyTorch's results and gradients for each kind, and ten steps of a small network.

Writes convolution.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/convolution.py

All numbers that go in are a formula, see mlp.py: element i of tensor number t of a case is spread(1000003 t + i), in
[-1, 1), of float32; so only what comes out is shipped, in the layouts of this library: channels last, weights
[kernel..., in / groups, out], those of transposed convolutions [kernel..., out / groups, in]. Computed in float64.
"""

import json
import os

import numpy as np
import torch
import torch.nn.functional as F

from mlp import hash32

HERE = os.path.dirname(os.path.abspath(__file__))


def spread(tensor, shape):
    count = int(np.prod(shape))
    start = 1000003 * tensor
    u = (hash32(np.arange(start, start + count)) >> np.uint32(8)).astype(np.float64) / 2.0**23 - 1.0
    return torch.from_numpy(u.astype(np.float32).astype(np.float64).reshape(shape))


def first(x):
    """Channels first."""
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def swapped(weight):
    """[kernel..., a, b] as PyTorch has it: [b, a, kernel...]."""
    axes = list(range(weight.dim() - 2))
    return weight.permute(weight.dim() - 1, weight.dim() - 2, *axes)


def numbers(x):
    return [float(f"{value:.8g}") for value in x.detach().reshape(-1).tolist()]


# Padding as torch.nn.functional.pad takes it: left, right, top, bottom.
CASES = [
    dict(kind="conv1d", x=[2, 9, 3], weight=[3, 3, 4], options=dict(stride=2, padding=[2, 1]), pad=[2, 1], torch=dict(stride=2)),
    dict(kind="conv1d", x=[2, 9, 4], weight=[3, 2, 6], options=dict(dilation=2, groups=2, padding="same"), pad=[2, 2], torch=dict(dilation=2, groups=2)),
    dict(kind="conv1d", x=[1, 6, 2], weight=[4, 2, 3], options=dict(padding=3, paddingMode="reflect"), pad=[3, 3], mode="reflect", torch={}),
    dict(kind="conv2d", x=[2, 6, 5, 3], weight=[3, 3, 3, 8], options=dict(padding="same"), pad=[1, 1, 1, 1], torch={}),
    dict(kind="conv2d", x=[2, 6, 5, 3], weight=[3, 2, 3, 5], options=dict(stride=[2, 1], padding="same"), pad=[0, 1, 0, 1], torch=dict(stride=(2, 1))),
    dict(kind="conv2d", x=[1, 9, 8, 4], weight=[3, 3, 2, 4], options=dict(stride=2, dilation=[2, 3], groups=2, padding=2), pad=[2, 2, 2, 2], torch=dict(stride=2, dilation=(2, 3), groups=2)),
    dict(kind="conv2d", x=[2, 5, 6, 5], weight=[3, 3, 1, 5], options=dict(groups=5, padding=1), pad=[1, 1, 1, 1], torch=dict(groups=5)),
    dict(kind="conv2d", x=[1, 5, 6, 3], weight=[3, 3, 1, 6], options=dict(groups=3, stride=2), pad=[0, 0, 0, 0], torch=dict(groups=3, stride=2)),
    dict(kind="conv2d", x=[1, 4, 5, 2], weight=[3, 3, 2, 3], options=dict(padding=[[1, 2], [3, 0]], paddingMode="reflect"), pad=[3, 0, 1, 2], mode="reflect", torch={}),
    dict(kind="conv2d", x=[1, 4, 3, 2], weight=[2, 2, 2, 3], options=dict(padding=[2, 1], paddingMode="edge"), pad=[1, 1, 2, 2], mode="replicate", torch={}),
    dict(kind="conv1dTranspose", x=[2, 4, 3], weight=[4, 2, 3], options=dict(stride=3, padding=1, outputPadding=2), torch=dict(stride=3, padding=1, output_padding=2)),
    dict(kind="conv2dTranspose", x=[2, 4, 3, 3], weight=[3, 3, 2, 3], options=dict(stride=2, padding=1, outputPadding=1), torch=dict(stride=2, padding=1, output_padding=1)),
    dict(kind="conv2dTranspose", x=[1, 3, 4, 4], weight=[2, 3, 3, 4], options=dict(stride=[1, 2], dilation=[2, 1], groups=2), torch=dict(stride=(1, 2), dilation=(2, 1), groups=2)),
    dict(kind="conv2dTranspose", x=[1, 3, 3, 2], weight=[1, 1, 2, 2], options=dict(stride=3), torch=dict(stride=3)),
]


def run(case):
    x, weight = spread(0, case["x"]), spread(1, case["weight"])
    groups = case["options"].get("groups", 1)
    isTransposed = case["kind"].endswith("Transpose")
    bias = spread(2, [case["weight"][-2] * groups if isTransposed else case["weight"][-1]])
    for tensor in (x, weight, bias):
        tensor.requires_grad_(True)
    oneAxis = "1d" in case["kind"]
    if isTransposed:
        op = F.conv_transpose1d if oneAxis else F.conv_transpose2d
        y = op(first(x), swapped(weight), bias, **case["torch"])
    else:
        op = F.conv1d if oneAxis else F.conv2d
        y = op(F.pad(first(x), case["pad"], mode=case.get("mode", "constant")), swapped(weight), bias, **case["torch"])
    y = last(y)
    dy = spread(3, y.shape)
    (y * dy).sum().backward()
    return {
        "kind": case["kind"],
        "x": case["x"],
        "weight": case["weight"],
        "options": case["options"],
        "shape": list(y.shape),
        "y": numbers(y),
        "gradients": {"x": numbers(x.grad), "weight": numbers(weight.grad), "bias": numbers(bias.grad)},
    }


STEPS, BATCH, LEARNING_RATE, MOMENTUM = 10, 8, 0.05, 0.9
# In the order of the layers; each but the biases is spread(t, shape) / 4.
SHAPES = [[3, 3, 2, 8], [8], [3, 3, 1, 8], [1, 1, 8, 12], [12], [3, 3, 6, 12], [12], [3, 3, 4, 12], [4], [256, 4], [4]]


def network(x, p):
    h = torch.relu(F.conv2d(first(x), swapped(p[0]), p[1], padding=1))
    h = F.conv2d(F.pad(h, [0, 1, 0, 1]), swapped(p[2]), stride=2, groups=8)
    h = torch.tanh(F.conv2d(h, swapped(p[3]), p[4]))
    h = torch.relu(F.conv2d(h, swapped(p[5]), p[6], padding=2, dilation=2, groups=2))
    h = F.conv_transpose2d(h, swapped(p[7]), p[8], stride=2, padding=1, output_padding=1)
    return last(h).reshape(len(x), -1) @ p[9] + p[10]


def steps():
    parameters = [
        (torch.zeros(shape, dtype=torch.float64) if len(shape) == 1 else spread(10 + t, shape) / 4).requires_grad_(True)
        for t, shape in enumerate(SHAPES)
    ]
    optimizer = torch.optim.SGD(parameters, lr=LEARNING_RATE, momentum=MOMENTUM)
    losses = []
    for step in range(STEPS):
        x = spread(100 + step, [BATCH, 8, 8, 2])
        labels = torch.arange(BATCH) * 7 % 4
        loss = F.cross_entropy(network(x, parameters), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(f"{loss.item():.10g}"))
    return {
        "steps": STEPS,
        "batchSize": BATCH,
        "learningRate": LEARNING_RATE,
        "momentum": MOMENTUM,
        "shapes": SHAPES,
        "losses": losses,
        "weights": [numbers(parameter) for parameter in parameters],
    }


def main():
    torch.set_num_threads(1)
    record = {"torch": torch.__version__, "cases": [run(case) for case in CASES], "training": steps()}
    with open(os.path.join(HERE, "convolution.json"), "w") as file:
        json.dump(record, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
