"""The models of ../architectures.js in PyTorch: functions of the parameters and a batch, channels first."""

import math

import torch
import torch.nn.functional as F


def convolution(weight):
    """[height, width, in, out] as PyTorch has it."""
    return weight.permute(3, 2, 0, 1).contiguous()


def transposed(weight):
    return weight.t().contiguous()


def cnn(p):
    """From the parameters by name: those that are trained, and the function from a batch to logits."""
    flat = p["dense1.weight"].reshape(7, 7, 32, 64).permute(2, 0, 1, 3).reshape(1568, 64)
    w = {
        "c1": convolution(p["conv1.weight"]),
        "c2": convolution(p["conv2.weight"]),
        "d1": transposed(flat),
        "d2": transposed(p["dense2.weight"]),
        **{name: p[name] for name in ("conv1.bias", "conv2.bias", "dense1.bias", "dense2.bias")},
    }

    def forward(x):
        h = F.max_pool2d(F.relu(F.conv2d(x, w["c1"], w["conv1.bias"], padding=1)), 2)
        h = F.max_pool2d(F.relu(F.conv2d(h, w["c2"], w["conv2.bias"], padding=1)), 2)
        h = F.relu(F.linear(h.flatten(1), w["d1"], w["dense1.bias"]))
        return F.linear(h, w["d2"], w["dense2.bias"])

    return w, forward


def residual(p):
    names = ["stem", "block1.conv1", "block1.conv2", "block2.conv1", "block2.conv2", "block2.shortcut"]
    w = {name: convolution(p[f"{name}.weight"]) for name in names}
    w |= {f"{name}.{part}": p[f"{name}.{part}"] for name in names for part in ("scale", "offset")}
    w |= {"head": transposed(p["head.weight"]), "head.bias": p["head.bias"]}
    running = {name: (torch.zeros(len(w[f"{name}.scale"])), torch.ones(len(w[f"{name}.scale"]))) for name in names}

    def unit(name, x, stride=1):
        weight = w[name]
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)
        mean, variance = running[name]
        return F.batch_norm(y, mean, variance, w[f"{name}.scale"], w[f"{name}.offset"], training=True)

    def forward(x):
        h = F.relu(unit("stem", x, 2))
        h = F.relu(h + unit("block1.conv2", F.relu(unit("block1.conv1", h))))
        inner = unit("block2.conv2", F.relu(unit("block2.conv1", h, 2)))
        h = F.relu(unit("block2.shortcut", h, 2) + inner)
        return F.linear(h.mean((2, 3)), w["head"], w["head.bias"])

    return w, forward


def recurrent(kind):
    def build(p):
        module = getattr(torch.nn, kind)(28, 128, batch_first=True)
        with torch.no_grad():
            module.weight_ih_l0.copy_(p["recurrent.input"].t())
            module.weight_hh_l0.copy_(p["recurrent.state"].t())
            module.bias_ih_l0.copy_(p["recurrent.bias"])
            module.bias_hh_l0.copy_(p.get("recurrent.stateBias", torch.zeros_like(module.bias_hh_l0)))
        w = {**dict(module.named_parameters()), "head": transposed(p["head.weight"]), "head.bias": p["head.bias"]}

        def forward(x):
            return F.linear(module(x)[0][:, -1], w["head"], w["head.bias"])

        return w, forward

    return build


def transformer(p):
    names = [f"block{n}" for n in (1, 2)]
    w = {name: value for name, value in p.items() if value.dim() == 1 or name in ("tokens", "positions")}
    w |= {name: transposed(value) for name, value in p.items() if name not in w}
    hidden = torch.full((64, 64), -math.inf).triu(1)

    def norm(name, x):
        return F.layer_norm(x, (64,), w[f"{name}.scale"], w[f"{name}.offset"])

    def linear(name, x):
        return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    def attend(name, x):
        q, k, v = (
            part.reshape(*x.shape[:2], 4, 16).transpose(1, 2) for part in linear(f"{name}.projection", x).chunk(3, dim=-1)
        )
        scores = torch.softmax(q @ k.transpose(-1, -2) / 4 + hidden, -1)
        return linear(f"{name}.output", (scores @ v).transpose(1, 2).reshape(x.shape))

    def forward(x):
        h = F.embedding(x, w["tokens"]) + w["positions"]
        for name in names:
            h = h + attend(name, norm(f"{name}.norm1", h))
            h = h + linear(f"{name}.outer", F.gelu(linear(f"{name}.inner", norm(f"{name}.norm2", h))))
        return linear("head", norm("norm", h)).flatten(0, 1)

    return w, forward


MODELS = {
    "cnn": cnn,
    "residual": residual,
    "lstm": recurrent("LSTM"),
    "gru": recurrent("GRU"),
    "transformer": transformer,
}
