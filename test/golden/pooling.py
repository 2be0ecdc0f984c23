"""PyTorch's pooling and resizing: values, gradients and ten steps of training that the engine must reproduce.

Writes pooling.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/pooling.py

Numbers are a formula, so that they need not be shipped: `spread` below, in the order of channels-last tensors. Shapes and
results are channels-last as well; PyTorch's tensors are permuted before and after. The loss whose gradient is taken is
the sum of the output times spread(5000 + i).
"""

import json
import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS, RATE = 10, 0.01


def spread(count, start=0):
    """Wellons, "Prospecting for Hash Functions" (2018), lowbias32, spread evenly over -1 to 1."""
    h = np.arange(start, start + count).astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return ((h >> np.uint32(8)).astype(np.float64) / 2.0**23 - 1.0).astype(np.float32)


def first(x):
    """Channels last to channels first."""
    return x.permute(0, x.dim() - 1, *range(1, x.dim() - 1))


def last(x):
    return x.permute(0, *range(2, x.dim()), 1)


IMAGE, SEQUENCE = [2, 7, 6, 3], [2, 9, 5]
# Name, shape, the layer of downhill with its arguments, the function of PyTorch.
CASES = [
    (IMAGE, "maxPool2d", [2], lambda x: F.max_pool2d(x, 2)),
    (IMAGE, "maxPool2d", [3, {"stride": 2, "padding": 1}], lambda x: F.max_pool2d(x, 3, 2, 1)),
    (IMAGE, "maxPool2d", [[3, 2], {"stride": [1, 2]}], lambda x: F.max_pool2d(x, (3, 2), (1, 2))),
    (IMAGE, "maxPool2d", [[2, 4], {"stride": 1, "padding": [[1, 1], [2, 2]]}], lambda x: F.max_pool2d(x, (2, 4), 1, (1, 2))),
    (SEQUENCE, "maxPool1d", [2], lambda x: F.max_pool1d(x, 2)),
    (SEQUENCE, "maxPool1d", [4, {"stride": 2, "padding": 2}], lambda x: F.max_pool1d(x, 4, 2, 2)),
    (IMAGE, "averagePool2d", [2], lambda x: F.avg_pool2d(x, 2)),
    (IMAGE, "averagePool2d", [3, {"stride": 2, "padding": 1, "countPadding": True}], lambda x: F.avg_pool2d(x, 3, 2, 1)),
    (IMAGE, "averagePool2d", [3, {"stride": 2, "padding": 1}], lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    (SEQUENCE, "averagePool1d", [3, {"stride": 1, "padding": 1}], lambda x: F.avg_pool1d(x, 3, 1, 1, count_include_pad=False)),
    (SEQUENCE, "averagePool1d", [3, {"stride": 2, "padding": 1, "countPadding": True}], lambda x: F.avg_pool1d(x, 3, 2, 1)),
    (IMAGE, "maxPool2d", [[3, 2], {"stride": 2, "dilation": [1, 3]}], lambda x: F.max_pool2d(x, (3, 2), 2, dilation=(1, 3))),
    (IMAGE, "maxPool2d", [3, {"stride": 3, "padding": 1, "ceilMode": True}], lambda x: F.max_pool2d(x, 3, 3, 1, ceil_mode=True)),
    (SEQUENCE, "maxPool1d", [2, {"stride": 4, "padding": 1, "dilation": 3, "ceilMode": True}],
     lambda x: F.max_pool1d(x, 2, 4, 1, 3, ceil_mode=True)),
    (IMAGE, "averagePool2d", [3, {"stride": 3, "padding": 1, "ceilMode": True, "countPadding": True}],
     lambda x: F.avg_pool2d(x, 3, 3, 1, ceil_mode=True)),
    (IMAGE, "averagePool2d", [[4, 2], {"stride": [4, 3], "padding": [1, 1], "ceilMode": True}],
     lambda x: F.avg_pool2d(x, (4, 2), (4, 3), 1, ceil_mode=True, count_include_pad=False)),
    (SEQUENCE, "averagePool1d", [4, {"stride": 3, "padding": 2, "ceilMode": True, "countPadding": True}],
     lambda x: F.avg_pool1d(x, 4, 3, 2, ceil_mode=True)),
    (IMAGE, "adaptiveAveragePool2d", [[3, 4]], lambda x: F.adaptive_avg_pool2d(x, (3, 4))),
    (IMAGE, "adaptiveAveragePool2d", [[9, 1]], lambda x: F.adaptive_avg_pool2d(x, (9, 1))),
    (IMAGE, "adaptiveMaxPool2d", [[3, 4]], lambda x: F.adaptive_max_pool2d(x, (3, 4))),
    (IMAGE, "globalAveragePool2d", [{"keepDims": True}], lambda x: F.adaptive_avg_pool2d(x, 1)),
    (IMAGE, "globalMaxPool2d", [{"keepDims": True}], lambda x: F.adaptive_max_pool2d(x, 1)),
    (SEQUENCE, "globalAveragePool1d", [{"keepDims": True}], lambda x: F.adaptive_avg_pool1d(x, 1)),
    (SEQUENCE, "globalMaxPool1d", [{"keepDims": True}], lambda x: F.adaptive_max_pool1d(x, 1)),
    ([1, 3, 4, 2], "upsample2d", [2], lambda x: F.interpolate(x, scale_factor=2, mode="nearest")),
    ([1, 3, 4, 2], "upsample2d", [2, {"method": "bilinear"}], lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    ([1, 3, 4, 2], "upsample2d", [[3, 2], {"method": "bilinear", "alignCorners": True}],
     lambda x: F.interpolate(x, scale_factor=(3, 2), mode="bilinear", align_corners=True)),
    (SEQUENCE, "upsample1d", [3], lambda x: F.interpolate(x, scale_factor=3, mode="nearest")),
    (IMAGE, "resize2d", [[5, 9]], lambda x: F.interpolate(x, size=(5, 9), mode="nearest-exact")),
    (IMAGE, "resize2d", [[4, 9], {"method": "bilinear"}], lambda x: F.interpolate(x, size=(4, 9), mode="bilinear")),
    (IMAGE, "resize2d", [[1, 11], {"method": "bilinear", "alignCorners": True}],
     lambda x: F.interpolate(x, size=(1, 11), mode="bilinear", align_corners=True)),
]


def run(shape, layer, arguments, function):
    x = torch.from_numpy(spread(int(np.prod(shape)))).reshape(shape).requires_grad_()
    y = last(function(first(x)))
    weights = torch.from_numpy(spread(y.numel(), 5000)).reshape(y.shape)
    (y * weights).sum().backward()
    numbers = lambda tensor: [float(f"{value:.9g}") for value in tensor.detach().reshape(-1).tolist()]
    return {
        "shape": shape, "layer": layer, "arguments": arguments,
        "output": list(y.shape), "values": numbers(y), "gradient": numbers(x.grad),
    }


def train(shape, layer, arguments, function):
    """dense(4) on every pixel, the layer, dense(2) on what is flattened; plain gradient descent on squared errors."""
    batch, channels = 4, shape[-1]
    inner = [batch, *shape[1:]]
    x = torch.from_numpy(spread(int(np.prod(inner)), 100)).reshape(inner)
    goal = torch.from_numpy(spread(batch * 2, 9000)).reshape(batch, 2)
    probe = last(function(torch.zeros(batch, 4, *shape[1:-1])))
    features = probe[0].numel()
    sizes = [(channels, 4), (4,), (features, 2), (2,)]
    start, parameters = 1000, []
    for size in sizes:
        count = int(np.prod(size))
        parameters.append((torch.from_numpy(spread(count, start)) * 0.5).reshape(size).requires_grad_())
        start += count
    optimizer = torch.optim.SGD(parameters, lr=RATE)
    losses = []
    for _ in range(STEPS):
        w1, b1, w2, b2 = parameters
        h = last(function(first(x @ w1 + b1)))
        loss = F.mse_loss(h.reshape(batch, -1) @ w2 + b2, goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main():
    torch.set_num_threads(1)
    cases = [{**run(*case), "losses": train(*case)} for case in CASES]
    with open(os.path.join(HERE, "pooling.json"), "w") as file:
        lines = ",\n".join(json.dumps(case) for case in cases)
        file.write(f'{{\n"torch": "{torch.__version__}", "steps": {STEPS}, "learningRate": {RATE},\n"cases": [\n{lines}\n]\n}}\n')


if __name__ == "__main__":
    main()
