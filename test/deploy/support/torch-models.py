"""The models of torch.js in PyTorch 1.13: loads the weights that it is given, and writes weights of its own with what
comes out of them, in four element types.

/usr/bin/python3 torch-models.py <folder>
"""
import json
import struct
import sys
from pathlib import Path

import torch
from torch import nn

TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}


def load(path):
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert header.pop("__metadata__") == {"format": "pt"}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(data[begin:end], dtype=TYPES[entry["dtype"]]).reshape(entry["shape"]).clone()
    return tensors


def save(path, tensors):
    header, parts, at = {}, [], 0
    names = {dtype: name for name, dtype in TYPES.items()}
    for name, tensor in tensors.items():
        part = bytes(tensor.contiguous().flatten().view(torch.uint8 if tensor.dim() else tensor.dtype).numpy().tobytes())
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


class Modules(nn.Module):
    """Submodules by name, and a forward of them."""

    def __init__(self, run, **modules):
        super().__init__()
        self.run = run
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.run(self, x)


def separable(inner, between, out):
    return Modules(
        lambda m, x: m.pointwise(m.depthwise(x)),
        depthwise=nn.Conv2d(inner, between, 3, groups=inner, bias=False),
        pointwise=nn.Conv2d(between, out, 1),
    )


class Table(nn.Module):
    """A trained row for each place."""

    def __init__(self, time, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(time, width))


MODELS = {
    "mlp": lambda: nn.Sequential(
        nn.Linear(12, 16),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(16, 9, bias=False),
        nn.Tanh(),
        nn.Linear(9, 3),
        nn.GELU(),
    ),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(3, 6, (3, 2), padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, groups=2, bias=False),
        nn.BatchNorm2d(8),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(8 * 2 * 2, 7),
        nn.ReLU(),
        nn.Linear(7, 4),
    ),
    "flatNorm": lambda: nn.Sequential(
        nn.Flatten(), nn.BatchNorm1d(60), nn.ReLU(), nn.Linear(60, 4), nn.LayerNorm(4)
    ),
    "mobile": lambda: Modules(
        lambda m, x: m.head(m.second(m.norm(m.first(x))).mean((2, 3))),
        first=nn.Conv2d(4, 8, 3, groups=4, padding=1),
        norm=nn.GroupNorm(2, 8),
        second=separable(8, 16, 6),
        head=nn.Linear(6, 3),
    ),
    "generator": lambda: Modules(
        lambda m, x: torch.tanh(m.up[1](torch.relu(m.up[0](torch.relu(m.norm(m.start(x))).reshape(-1, 5, 3, 4))))),
        start=nn.Linear(6, 60),
        norm=nn.BatchNorm1d(60),
        up=nn.ModuleList(
            [nn.ConvTranspose2d(5, 4, 3, stride=2, padding=1, output_padding=1), nn.ConvTranspose2d(4, 2, (2, 3))]
        ),
    ),
    "sequences": lambda: Modules(
        lambda m, x: m.head(m.up(torch.relu(m.down(x.permute(0, 2, 1)))).flatten(1)),
        down=nn.Conv1d(3, 6, 4),
        up=nn.ConvTranspose1d(6, 4, 3, stride=2),
        head=nn.Linear(4 * 19, 2),
    ),
    "rnn": lambda: Modules(
        lambda m, x: m.head(m.rnn2(m.rnn(x)[0])[1][0]),
        rnn=nn.RNN(5, 6, batch_first=True),
        rnn2=nn.RNN(6, 4, batch_first=True),
        head=nn.Linear(4, 2),
    ),
    "lstm": lambda: Modules(
        lambda m, x: m.head(m.rnn(x)[0]), rnn=nn.LSTM(5, 6, num_layers=2, batch_first=True), head=nn.Linear(6, 3)
    ),
    "bidirectional": lambda: Modules(
        lambda m, x: m.head(m.rnn(x)[0]),
        rnn=nn.LSTM(5, 4, batch_first=True, bidirectional=True),
        head=nn.Linear(8, 3),
    ),
    "gru": lambda: Modules(
        lambda m, x: m.head(m.rnn(m.embed(x))[0]),
        embed=nn.Embedding(11, 6),
        rnn=nn.GRU(6, 5, batch_first=True),
        head=nn.Linear(5, 3),
    ),
    "transformer": lambda: Modules(
        lambda m, x: m.head(m.norm(m.block(m.words(x) + m.positions.weight))),
        words=nn.Embedding(13, 16),
        positions=Table(9, 16),
        block=nn.TransformerEncoderLayer(16, 4, 24, activation="gelu", norm_first=True, batch_first=True),
        norm=nn.LayerNorm(16),
        head=nn.Linear(16, 5, bias=False),
    ),
    "crossAttention": lambda: Modules(
        lambda m, x: attend(m.second, attend(m.first, x, m.same(x)), m.other(x)),
        same=nn.Linear(8, 8),
        first=nn.MultiheadAttention(8, 2, batch_first=True),
        other=nn.Linear(8, 5),
        second=nn.MultiheadAttention(8, 4, kdim=5, vdim=5, batch_first=True),
    ),
}


def attend(attention, x, context):
    return attention(x, context, context, need_weights=False)[0]


def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(1)
    for task in json.loads((folder / "tasks.json").read_text()):
        name = task["name"]
        raw = bytearray((folder / f"{name}.inputs").read_bytes())
        x = torch.frombuffer(raw, dtype=torch.int32 if task["tokens"] else torch.float32).reshape(task["shape"])
        x = x.long() if task["tokens"] else x
        if x.dim() == 4:
            x = x.permute(0, 3, 1, 2)

        def outputs(module):
            module.eval()
            with torch.no_grad():
                y = module(x)
            return (y.permute(0, 2, 3, 1) if task["images"] else y).contiguous().numpy().tobytes()

        module = MODELS[name]()
        module.load_state_dict(load(folder / f"{name}.safetensors"))
        (folder / f"{name}.outputs").write_bytes(outputs(module))

        own = MODELS[name]()
        optimizer = torch.optim.Adam(own.parameters(), lr=0.02)
        for _ in range(4):
            optimizer.zero_grad()
            own(x).square().mean().backward()
            optimizer.step()
        for kind in ["F32", "F64", "F16", "BF16"]:
            state = {
                key: value.to(TYPES[kind]) if value.is_floating_point() else value
                for key, value in own.state_dict().items()
            }
            save(folder / f"{name}.{kind}.safetensors", state)
            rounded = MODELS[name]()
            rounded.load_state_dict(state)
            (folder / f"{name}.{kind}.outputs").write_bytes(outputs(rounded))


main()
