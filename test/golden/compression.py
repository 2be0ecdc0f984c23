"""Golden numbers of downhill/compress: distillation's loss and gradient, scores of movement pruning trained ten steps,
singular values. PyTorch and numpy.

Writes compression.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/compression.py
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(5)


def numbers(t):
    return [float(x) for x in t.detach().double().flatten()]


def distillation(temperature):
    student = torch.randn(3, 5, requires_grad=True)
    teacher = torch.randn(3, 5) * 2
    loss = temperature**2 * F.kl_div(
        F.log_softmax(student / temperature, -1), F.softmax(teacher / temperature, -1), reduction="batchmean"
    )
    loss.backward()
    return {
        "temperature": temperature,
        "student": numbers(student),
        "teacher": numbers(teacher),
        "loss": loss.item(),
        "gradient": numbers(student.grad),
    }


class Hard(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, threshold):
        return (scores > threshold).float()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def movement():
    weight = torch.randn(4, 3).requires_grad_()
    scores = torch.zeros(4, 3).requires_grad_()
    result = {"weight": numbers(weight), "steps": []}
    x = torch.randn(6, 4)
    y = torch.randn(6, 3)
    result["x"], result["y"] = numbers(x), numbers(y)
    optimizer = torch.optim.SGD([weight, scores], lr=0.1)
    threshold = -1e30
    for step in range(10):
        # Behind five steps half of the scores are below the threshold.
        if step == 5:
            threshold = float(scores.detach().flatten().sort().values[5])
        optimizer.zero_grad()
        loss = F.mse_loss(x @ (weight * Hard.apply(scores, threshold)), y)
        loss.backward()
        optimizer.step()
        result["steps"].append({"loss": loss.item(), "weight": numbers(weight), "scores": numbers(scores)})
    return result


def decomposition(rows, columns, rank):
    a = (np.random.RandomState(rows).randn(rows, rank) @ np.random.RandomState(columns).randn(rank, columns)).astype(
        np.float32
    )
    u, s, v = np.linalg.svd(a.astype(np.float64), full_matrices=False)
    half = max(1, rank // 2)
    return {
        "rows": rows,
        "columns": columns,
        "matrix": [float(x) for x in a.flatten()],
        "values": [float(x) for x in s],
        "half": half,
        "truncated": [float(x) for x in ((u[:, :half] * s[:half]) @ v[:half]).flatten()],
    }


golden = {
    "distillation": [distillation(t) for t in (1.0, 4.0)],
    "movement": movement(),
    "decomposition": [decomposition(7, 4, 4), decomposition(4, 9, 4), decomposition(6, 5, 3), decomposition(5, 1, 1)],
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden) + "\n")
