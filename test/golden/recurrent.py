"""Golden runs of the recurrent layers: PyTorch's outputs, gradients, and losses and weights of ten training steps.

Writes recurrent.json beside this file:

    /usr/bin/python3 test/golden/recurrent.py

PyTorch's names and ours, of layer 0:
    weight  = weight_ih_l0 transposed     recurrentWeight = weight_hh_l0 transposed     bias = bias_ih_l0
    recurrentBias = bias_hh_l0: a GRU's; where we have none it is held at zero and is not trained.
Gates lie in the same order. What is written is turned to our layout, [in, gates * units].

Numbers are written to six digits; they are small, and the tests compare to 1e-5.
"""

import json
import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, TIME, WIDTH, UNITS, CLASSES, STEPS = 5, 6, 3, 4, 3, 10
MORE = 4
LENGTHS = [6, 2, 4, 1, 5]
LEARNING_RATE = 0.05

CASES = {
    "lstm": dict(kind="LSTM"),
    "gru": dict(kind="GRU"),
    "simpleRnn": dict(kind="RNN"),
    "simpleRnn relu": dict(kind="RNN", nonlinearity="relu"),
    "lstm bidirectional": dict(kind="LSTM", bidirectional=True),
    "gru bidirectional": dict(kind="GRU", bidirectional=True),
    "lstm stacked": dict(kind="LSTM", num_layers=2),
    "gru stacked": dict(kind="GRU", num_layers=2),
    "lstm packed": dict(kind="LSTM", packed=True),
    "gru packed": dict(kind="GRU", packed=True),
    "simpleRnn packed": dict(kind="RNN", packed=True),
    "lstm bidirectional packed": dict(kind="LSTM", bidirectional=True, packed=True),
    "lstm state": dict(kind="LSTM", state=True),
    "gru state": dict(kind="GRU", state=True),
}


def rounded(tensor):
    return [float(f"{value:.6g}") for value in tensor.detach().reshape(-1).tolist()]


def ours(name, tensor):
    return rounded(tensor.T if "weight" in name else tensor)


def steps(trained, forward):
    """Losses of some steps of Adam, each before it."""
    optimizer = torch.optim.Adam([each for _, each in trained], lr=LEARNING_RATE)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = forward()[-1]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def run(kind, packed=False, state=False, **options):
    torch.manual_seed(1)
    layer = getattr(torch.nn, kind)(WIDTH, UNITS, batch_first=True, **options)
    head = torch.nn.Linear(UNITS * (2 if options.get("bidirectional") else 1), CLASSES)
    x = torch.randn(BATCH, TIME, WIDTH).requires_grad_()
    labels = torch.randint(CLASSES, (BATCH,))
    initial = [torch.randn(1, BATCH, UNITS).requires_grad_() for _ in range(2 if kind == "LSTM" else 1)] if state else []
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if kind != "GRU" and name.startswith("bias_hh"):
                parameter.zero_()
                parameter.requires_grad_(False)
    trained = [(name, each) for name, each in layer.named_parameters() if each.requires_grad]
    trained += [(f"head.{name}", each) for name, each in head.named_parameters()]

    def forward():
        given = (tuple(initial) if kind == "LSTM" else initial[0]) if state else None
        if packed:
            y, end = layer(pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False))
            y, _ = pad_packed_sequence(y, batch_first=True, total_length=TIME)
        else:
            y, end = layer(x, given)
        end = end[0] if kind == "LSTM" else end
        last = torch.cat([end[-2], end[-1]], dim=-1) if options.get("bidirectional") else end[-1]
        # Both what a sequence gives and its end, so that the gradient comes from every step.
        loss = torch.nn.functional.cross_entropy(head(last), labels) + 0.1 * (y * y).sum() / BATCH
        return y, last, loss

    start = {name: ours(name, each) for name, each in trained}
    y, last, loss = forward()
    loss.backward()
    record = {
        "x": rounded(x),
        "labels": labels.tolist(),
        "state": [rounded(each) for each in initial],
        "parameters": start,
        "sequences": rounded(y),
        "last": rounded(last),
        "gradients": {
            "x": rounded(x.grad),
            "state": [rounded(each.grad) for each in initial],
            **{name: ours(name, each.grad) for name, each in trained},
        },
    }
    record["losses"] = steps(trained, forward)
    record["after"] = {name: ours(name, each) for name, each in trained}
    return record


DECODED = {
    "lstm": dict(kind="LSTM"),
    "gru": dict(kind="GRU"),
    "simpleRnn": dict(kind="RNN"),
    "lstm packed": dict(kind="LSTM", packed=True),
    "lstm bidirectional": dict(kind="LSTM", bidirectional=True),
}


def decode(kind, packed=False, bidirectional=False):
    """An encoder reads TIME steps; a decoder begins with its final state and reads the rest. Final states count in the loss."""
    torch.manual_seed(2)
    options = dict(batch_first=True, bidirectional=bidirectional)
    layers = {name: getattr(torch.nn, kind)(WIDTH, UNITS, **options) for name in ("encoder", "decoder")}
    head = torch.nn.Linear(UNITS * (2 if bidirectional else 1), CLASSES)
    # What is written is what PyTorch has: these losses are large enough to show six digits' rounding.
    exact = lambda tensor: torch.tensor(rounded(tensor)).reshape(tensor.shape)
    x = exact(torch.randn(BATCH, TIME + MORE, WIDTH)).requires_grad_()
    labels = torch.randint(CLASSES, (BATCH,))
    trained = []
    for name, layer in layers.items():
        for part, parameter in layer.named_parameters():
            if kind != "GRU" and part.startswith("bias_hh"):
                with torch.no_grad():
                    parameter.zero_()
                parameter.requires_grad_(False)
            else:
                trained.append((f"{name}.{part}", parameter))
    trained += [(f"head.{name}", each) for name, each in head.named_parameters()]
    with torch.no_grad():
        for _, parameter in trained:
            parameter.copy_(exact(parameter))

    def forward():
        seen = x[:, :TIME]
        if packed:
            seen = pack_padded_sequence(seen, LENGTHS, batch_first=True, enforce_sorted=False)
        _, state = layers["encoder"](seen)
        y, end = layers["decoder"](x[:, TIME:], state)
        states = [*state, *end] if kind == "LSTM" else [state, end]
        # Numbers that differ from one place to the next, so that none stands for another.
        scale = torch.arange(1, BATCH * UNITS + 1).reshape(BATCH, UNITS) / (BATCH * UNITS)
        loss = torch.nn.functional.cross_entropy(head(y[:, -1]), labels)
        loss = loss + sum(((k + 1) * scale * part).sum() for k, part in enumerate(torch.cat(states))) / BATCH
        return y, torch.cat(states), loss

    start = {name: ours(name, each) for name, each in trained}
    y, states, loss = forward()
    loss.backward()
    record = {
        "x": rounded(x),
        "labels": labels.tolist(),
        "parameters": start,
        "output": rounded(y),
        "states": rounded(states),
        "gradients": {"x": rounded(x.grad), **{name: ours(name, each.grad) for name, each in trained}},
    }
    record["losses"] = steps(trained, forward)
    return record


def main():
    torch.set_num_threads(1)
    record = {
        "torch": torch.__version__,
        "batch": BATCH,
        "time": TIME,
        "width": WIDTH,
        "units": UNITS,
        "classes": CLASSES,
        "lengths": LENGTHS,
        "learningRate": LEARNING_RATE,
        "cases": {name: run(**options) for name, options in CASES.items()},
        "more": MORE,
        "decoded": {name: decode(**options) for name, options in DECODED.items()},
    }
    with open(os.path.join(HERE, "recurrent.json"), "w") as file:
        json.dump(record, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
