"""PyTorch's quantization, which this library's must reproduce: integers, fake quantization with its gradient, observers,
16-bit floats, and ten steps of a training that is aware of all of them.

Writes quantization.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/quantization.py
"""

import json
import os

import torch
from torch.ao.quantization import MinMaxObserver, PerChannelMinMaxObserver

torch.manual_seed(7)


def flat(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().double().flatten().tolist()]


def channels():
    """Weights [3, 2, 2, 5] with scales for each index of an axis, some too small for what they scale."""
    cases = []
    for axis in (0, 2, 3):
        w = torch.randn(3, 2, 2, 5, requires_grad=True)
        count = w.shape[axis]
        scale = torch.rand(count) * 0.008 + 0.003
        zero = torch.zeros(count)
        y = torch.fake_quantize_per_channel_affine(w, scale, zero.int(), axis, -127, 127)
        dy = torch.randn_like(y)
        (y * dy).sum().backward()
        integers = torch.quantize_per_channel(w.detach(), scale, zero, axis, torch.qint8).int_repr()
        cases.append(
            {
                "axis": axis,
                "w": flat(w),
                "scale": flat(scale),
                "dy": flat(dy),
                "y": flat(y),
                "dw": flat(w.grad),
                "integers": integers.flatten().tolist(),
            }
        )
    return cases


def activations():
    """Numbers on 0 ... 127 by ranges from an observer, or narrower than they are."""
    cases = []
    for low, high, wide in ((-1.0, 3.0, 1.0), (0.0, 6.0, 1.0), (-2.5, 0.0, 1.0), (0.5, 4.0, 1.0), (-1.0, 1.0, 0.5)):
        x = torch.rand(40) * (high - low) + low
        observer = MinMaxObserver(dtype=torch.quint8, quant_min=0, quant_max=127)
        observer((x * wide).clone())
        scale, zero = observer.calculate_qparams()
        x.requires_grad_(True)
        y = torch.fake_quantize_per_tensor_affine(x, scale.item(), int(zero), 0, 127)
        dy = torch.randn_like(y)
        (y * dy).sum().backward()
        cases.append(
            {
                "x": flat(x),
                "min": flat((x * wide).min()),
                "max": flat((x * wide).max()),
                "scale": flat(scale),
                "zeroPoint": int(zero),
                "dy": flat(dy),
                "y": flat(y),
                "dx": flat(x.grad),
            }
        )
    return cases


def symmetric():
    w = torch.randn(6, 4)
    w[:, 2] = 0
    observer = PerChannelMinMaxObserver(
        ch_axis=1, dtype=torch.qint8, qscheme=torch.per_channel_symmetric, quant_min=-127, quant_max=127
    )
    observer(w)
    scale, zero = observer.calculate_qparams()
    integers = torch.quantize_per_channel(w, scale, zero, 1, torch.qint8).int_repr()
    return {"w": flat(w), "scale": flat(scale), "integers": integers.flatten().tolist()}


def halves():
    values = [0.0, -0.0, 1.0, -2.5, 65504.0, 65519.0, 6.1e-5, 5.9e-8, 2.9e-8, 1e-12, 0.1, 1 / 3, 2047.5, 2049.0, 1.0009765]
    x = torch.cat([torch.tensor(values), torch.randn(40), torch.randn(40) * 1e-6, torch.randn(20) * 1e4])
    bits = lambda dtype: [each & 0xFFFF for each in x.to(dtype).view(torch.int16).tolist()]
    return {"x": [each for each in x.double().tolist()], "f16": bits(torch.float16), "bf16": bits(torch.bfloat16)}


def training():
    """Two dense layers with a ReLU between; ranges are the mean of all batches so far, then a moving average."""
    smoothing = 0.2
    sizes = [5, 8, 3]
    weights = [torch.randn(a, b) * 0.5 for a, b in zip(sizes, sizes[1:])]
    biases = [torch.randn(b) * 0.1 for b in sizes[1:]]
    start = [flat(each) for each in weights + biases]
    for each in weights + biases:
        each.requires_grad_(True)
    optimizer = torch.optim.SGD(weights + biases, lr=0.1)
    x, target = torch.randn(10, 4, 5), torch.randn(10, 4, 3)
    ranges = [[torch.tensor(0.0), torch.tensor(0.0)] for _ in weights]
    losses = []
    for step in range(10):
        h = x[step]
        share = max(1 / (step + 1), smoothing)
        for index, (w, b) in enumerate(zip(weights, biases)):
            low, high = ranges[index]
            with torch.no_grad():
                low += (torch.clamp(h.min(), max=0) - low) * share
                high += (torch.clamp(h.max(), min=0) - high) * share
                scale = (high - low) / 127
                zero = torch.clamp(torch.round(-low / scale), max=127)
                by_column = w.abs().max(dim=0).values / 127
            h = torch.fake_quantize_per_tensor_affine(h, scale.item(), int(zero), 0, 127)
            rounded = torch.fake_quantize_per_channel_affine(w, by_column, torch.zeros(w.shape[1]).int(), 1, -127, 127)
            h = h @ rounded + b
            if index == 0:
                h = torch.relu(h)
        loss = ((h - target[step]) ** 2).mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {
        "start": start,
        "x": flat(x),
        "target": flat(target),
        "losses": losses,
        "end": [flat(each) for each in weights + biases],
        "ranges": [flat(torch.stack(each)) for each in ranges],
    }


golden = {
    "channels": channels(),
    "activations": activations(),
    "symmetric": symmetric(),
    "halves": halves(),
    "training": training(),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "quantization.json"), "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
