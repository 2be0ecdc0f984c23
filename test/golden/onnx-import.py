# Models written by PyTorch's exporter, with what PyTorch itself computes: predictions, and the losses of ten steps of SGD.
# Run: python3 test/golden/onnx-import.py > test/golden/onnx-import.json
import base64
import io
import json
import sys
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
STEPS = 10


class Cnn(nn.Module):
    """Convolutions, plain, grouped and strided, batch normalization, pools, a residual sum, a view."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.pool = nn.MaxPool2d(2)
        self.third = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.last = nn.Linear(24, 3)

    def forward(self, x):
        h = torch.relu(self.norm(self.first(x)))
        h = self.pool(h + self.second(h))
        h = nn.functional.hardswish(self.third(h))
        return self.last(h.view(h.size(0), -1))


class Recurrent(nn.Module):
    """Both directions of an LSTM, then a GRU, batch first."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(8, 5, batch_first=True)
        self.last = nn.Linear(5, 2)

    def forward(self, x):
        h, _ = self.lstm(x)
        h, _ = self.gru(h)
        return self.last(h[:, -1])


class Attention(nn.Module):
    """An encoder block of a transformer, said in the exporter's parts."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.norm, self.up, self.down = nn.LayerNorm(8), nn.Linear(8, 16), nn.Linear(16, 8)
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        b, t, _ = x.shape
        heads = lambda h: h.view(b, t, 2, 4).transpose(1, 2)
        q, k, v = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        shares = torch.softmax(q @ k.transpose(-2, -1) / 2.0, -1)
        x = self.norm(x + (shares @ v).transpose(1, 2).reshape(b, t, 8))
        x = x + self.down(nn.functional.gelu(self.up(x)))
        return self.last(x.mean(1))


class Upsampling(nn.Module):
    """What images go through on their way back up."""

    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.GroupNorm(2, 4)
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        h = nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
        h = nn.functional.leaky_relu(self.norm(self.up(h)), 0.1)
        h = nn.functional.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
        return nn.functional.avg_pool2d(self.last(h), 2)


def golden(model, shape, rate, opset, **options):
    x = torch.randn(4, *shape)
    model.eval()
    with torch.no_grad():
        y = model(x)
    target = torch.randn(y.shape)
    stream = io.BytesIO()
    torch.onnx.export(
        model,
        x,
        stream,
        opset_version=opset,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
        training=torch.onnx.TrainingMode.PRESERVE,
        **options,
    )
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), rate)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    flat = lambda tensor: [round(value, 7) for value in tensor.flatten().tolist()]
    return {
        "model": base64.b64encode(stream.getvalue()).decode(),
        "x": [struct_float(value) for value in x.flatten().tolist()],
        "y": flat(y),
        "target": [struct_float(value) for value in target.flatten().tolist()],
        "rate": rate,
        "losses": losses,
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def struct_float(value):
    """As short as a float of 32 bits can be told apart by."""
    return float(f"{value:.9g}")


torch.manual_seed(3)
result = {
    "cnn": golden(Cnn(), (2, 8, 8), 0.1, 17),
    "recurrent": golden(Recurrent(), (6, 3), 0.2, 14),
    "attention": golden(Attention(), (5, 8), 0.1, 13),
    "upsampling": golden(Upsampling(), (2, 4, 4), 0.1, 11),
}
json.dump(result, sys.stdout)
