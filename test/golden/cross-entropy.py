"""The golden runs of cross-entropy: PyTorch's losses and gradients with label smoothing and with shares of classes.

Writes cross-entropy.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/cross-entropy.py

Each run has the logits [batch, classes], labels [batch] or shares [batch, classes], the amount of smoothing, the loss (mean
over the batch) and its gradient with respect to the logits, all in 64 bits. Logits and shares are 32-bit floats.
"""

import json
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))


def run(batch, classes, smoothing, soft, scale):
    logits = (torch.randn(batch, classes) * scale).double().requires_grad_()
    if soft:
        target = torch.softmax(torch.randn(batch, classes), 1).double()
    else:
        target = torch.randint(classes, (batch,))
    loss = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, target)
    loss.backward()
    return {
        "smoothing": smoothing,
        "shape": [batch, classes],
        "logits": logits.flatten().tolist(),
        "shares" if soft else "labels": target.flatten().tolist(),
        "loss": loss.item(),
        "gradient": logits.grad.flatten().tolist(),
    }


def main():
    torch.manual_seed(1)
    runs = [
        run(batch, classes, smoothing, soft, scale)
        for soft in [False, True]
        for smoothing in [0.0, 0.1, 0.5, 1.0]
        for batch, classes, scale in [(1, 2, 1), (5, 3, 2), (7, 10, 1), (3, 4, 30)]
    ]
    with open(os.path.join(HERE, "cross-entropy.json"), "w") as file:
        lines = ",\n".join("    " + json.dumps(each) for each in runs)
        file.write(f'{{\n  "torch": "{torch.__version__}",\n  "runs": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
