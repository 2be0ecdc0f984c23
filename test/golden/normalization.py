"""Golden numbers of normalization from PyTorch: forward, every gradient, ten training steps, running statistics, prediction.

/usr/bin/python3 test/golden/normalization.py > test/golden/normalization.json
"""
import json

import torch
from torch import nn

torch.set_num_threads(1)


def spread(start, *shape, scale=1.0):
    """Numbers between -1 and 1 that need no file: lowbias32 of their place, as the tests draw them."""
    n = 1
    for size in shape:
        n *= size
    values = []
    for i in range(start, start + n):
        h = i & 0xFFFFFFFF
        h = ((h ^ (h >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
        h = ((h ^ (h >> 15)) * 0x846CA68B) & 0xFFFFFFFF
        h ^= h >> 16
        values.append(((h >> 8) / 2**23 - 1) * scale)
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


class ChannelsLast(nn.Module):
    """A layer of PyTorch, whose channels are the second axis, on tensors whose channels are the last."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.movedim(-1, 1)).movedim(1, -1)


class RMSNorm(nn.Module):
    """Zhang and Sennrich 2019, equation 4; PyTorch 1.13 has none."""

    def __init__(self, size, eps):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight


CASES = {
    "batchNorm": ([6, 4], lambda: ChannelsLast(nn.BatchNorm1d(4))),
    "batchNorm of images": ([3, 4, 5, 6], lambda: ChannelsLast(nn.BatchNorm2d(6))),
    "groupNorm": ([3, 4, 5, 6], lambda: ChannelsLast(nn.GroupNorm(2, 6))),
    "instanceNorm": ([3, 4, 5, 6], lambda: ChannelsLast(nn.InstanceNorm2d(6, affine=True))),
    "layerNorm": ([6, 9], lambda: nn.LayerNorm(9)),
    "layerNorm of two axes": ([3, 4, 5], lambda: nn.LayerNorm([4, 5])),
    "rmsNorm": ([6, 9], lambda: RMSNorm(9, 1e-6)),
}


def numbers(tensor):
    return [float(f"{x:.8g}") for x in tensor.detach().flatten().tolist()]


def gradients(shape, make):
    layer = make()
    inner = getattr(layer, "inner", layer)
    with torch.no_grad():
        inner.weight.copy_(spread(500, *inner.weight.shape) + 1.5)
        if getattr(inner, "bias", None) is not None:
            inner.bias.copy_(spread(700, *inner.bias.shape))
    x = spread(0, *shape, scale=2).requires_grad_()
    y = layer(x)
    (y * spread(900, *shape)).sum().backward()
    result = {"y": numbers(y), "dx": numbers(x.grad), "scale": numbers(inner.weight.grad)}
    if getattr(inner, "bias", None) is not None:
        result["offset"] = numbers(inner.bias.grad)
    return result


def training(shape, make, affine=True):
    """Dense, normalization, ReLU, dense; ten steps of SGD with momentum."""
    features, width = 5, 6
    norm = make
    first, last = nn.Linear(features, width), nn.Linear(width, 2)
    with torch.no_grad():
        first.weight.copy_(spread(2000, features, width).T)
        first.bias.copy_(spread(2100, width))
        last.weight.copy_(spread(2200, width, 2).T)
        last.bias.copy_(spread(2300, 2))
    model = nn.Sequential(first, norm, nn.ReLU(), last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for step in range(10):
        x, target = spread(3000 + 100 * step, 8, features), spread(6000 + 100 * step, 8, 2)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    result = {
        "losses": losses,
        "dense.weight": numbers(first.weight.T),
        "scale": numbers(norm.weight),
        "dense_1.weight": numbers(last.weight.T),
    }
    if getattr(norm, "bias", None) is not None:
        result["offset"] = numbers(norm.bias)
    if hasattr(norm, "running_mean"):
        result["mean"] = numbers(norm.running_mean)
        result["variance"] = numbers(norm.running_var)
    model.eval()
    result["predicted"] = numbers(model(spread(9000, 4, features)))
    if hasattr(norm, "running_mean"):
        loader = [spread(3000 + 100 * step, 8, features) for step in range(3)]
        torch.optim.swa_utils.update_bn(loader, model)
        result["refreshed"] = {"mean": numbers(norm.running_mean), "variance": numbers(norm.running_var)}
    return result


print(
    json.dumps(
        {
            "torch": torch.__version__,
            "gradients": {name: {"shape": shape, **gradients(shape, make)} for name, (shape, make) in CASES.items()},
            "training": {
                "batchNorm": training(None, nn.BatchNorm1d(6)),
                "batchNorm, decay 0.7": training(None, nn.BatchNorm1d(6, momentum=0.3, eps=1e-3)),
                "layerNorm": training(None, nn.LayerNorm(6)),
                "groupNorm": training(None, nn.GroupNorm(2, 6)),
                "rmsNorm": training(None, RMSNorm(6, 1e-6)),
            },
        },
        indent=None,
    )
)
