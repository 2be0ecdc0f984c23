"""Golden runs of attention, embedding and a transformer: PyTorch's numbers that the layers must reproduce.

Writes attention.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/attention.py

Inputs and parameters are a formula, so that they need not be shipped: element i of tensor number n is
float32(amplitude * sin(1 + 0.7 i + 1.3 n)), computed in float64 and rounded once. PyTorch keeps weights [out, in]; here they
are made [in, out] and turned.
"""

import json
import math
import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_num_threads(1)


def made(number, shape, amplitude=1.0):
    n = math.prod(shape)
    return torch.tensor([amplitude * math.sin(1 + 0.7 * i + 1.3 * number) for i in range(n)], dtype=torch.float64).float().reshape(shape)


def numbers(tensor):
    return [float(f"{x:.8g}") for x in tensor.detach().reshape(-1).tolist()]


def turned(number, size_in, size_out):
    return made(number, (size_in, size_out), 0.4).T.contiguous()


def put(parameter, values):
    with torch.no_grad():
        parameter.copy_(values)


BATCH, TIME, KEYS, WIDTH, HEADS = 2, 5, 4, 6, 2


def load_attention(layer, first, width=WIDTH):
    """Tensors first … first + 3: projection, its bias, output, its bias."""
    put(layer.in_proj_weight, turned(first, width, 3 * width))
    put(layer.in_proj_bias, made(first + 1, (3 * width,), 0.4))
    put(layer.out_proj.weight, turned(first + 2, width, width))
    put(layer.out_proj.bias, made(first + 3, (width,), 0.4))


def slopes_of_attention(layer):
    return {
        "projection.weight": numbers(layer.in_proj_weight.grad.T),
        "projection.bias": numbers(layer.in_proj_bias.grad),
        "output.weight": numbers(layer.out_proj.weight.grad.T),
        "output.bias": numbers(layer.out_proj.bias.grad),
    }


def self_attention(causal, padded):
    layer = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    load_attention(layer, 1)
    x = made(0, (BATCH, TIME, WIDTH)).requires_grad_()
    mask = torch.triu(torch.ones(TIME, TIME, dtype=torch.bool), 1) if causal else None
    padding = torch.tensor([[False] * TIME, [False, False, False, True, True]]) if padded else None
    y, _ = layer(x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False)
    (y * made(9, y.shape)).sum().backward()
    return {"y": numbers(y), "x": numbers(x.grad), **slopes_of_attention(layer)}


def cross_attention():
    layer = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    load_attention(layer, 1)
    x = made(0, (BATCH, TIME, WIDTH)).requires_grad_()
    context = made(8, (BATCH, KEYS, WIDTH)).requires_grad_()
    y, _ = layer(x, context, context, need_weights=False)
    (y * made(9, y.shape)).sum().backward()
    return {"y": numbers(y), "x": numbers(x.grad), "context": numbers(context.grad), **slopes_of_attention(layer)}


def embedding():
    layer = torch.nn.Embedding(7, 3, padding_idx=2)
    weight = made(1, (7, 3))
    weight[2] = 0
    put(layer.weight, weight)
    y = layer(torch.tensor([[0, 2, 6, 6], [1, 6, 2, 3]]))
    (y * made(9, y.shape)).sum().backward()
    return {"y": numbers(y), "weight": numbers(layer.weight.grad)}


def load_block(block, first, width=WIDTH, hidden=8):
    """Tensors first … first + 11."""
    load_attention(block.self_attn, first, width)
    put(block.linear1.weight, turned(first + 4, width, hidden))
    put(block.linear1.bias, made(first + 5, (hidden,), 0.4))
    put(block.linear2.weight, turned(first + 6, hidden, width))
    put(block.linear2.bias, made(first + 7, (width,), 0.4))
    for k, norm in enumerate([block.norm1, block.norm2]):
        put(norm.weight, 1 + made(first + 8 + 2 * k, (width,), 0.4))
        put(norm.bias, made(first + 9 + 2 * k, (width,), 0.4))


def encoder(pre):
    block = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, 8, 0.0, "gelu" if pre else "relu", batch_first=True, norm_first=pre)
    load_block(block, 1)
    x = made(0, (BATCH, TIME, WIDTH)).requires_grad_()
    y = block(x)
    (y * made(13, y.shape)).sum().backward()
    return {"y": numbers(y), "x": numbers(x.grad), "hidden": numbers(block.linear1.weight.grad.T), "projection.weight": numbers(block.self_attn.in_proj_weight.grad.T)}


def decoder():
    block = torch.nn.TransformerDecoderLayer(WIDTH, HEADS, 8, 0.0, "gelu", batch_first=True, norm_first=True)
    load_attention(block.self_attn, 1)
    load_attention(block.multihead_attn, 5)
    put(block.linear1.weight, turned(9, WIDTH, 8))
    put(block.linear1.bias, made(10, (8,), 0.4))
    put(block.linear2.weight, turned(11, 8, WIDTH))
    put(block.linear2.bias, made(12, (WIDTH,), 0.4))
    for k, norm in enumerate([block.norm1, block.norm2, block.norm3]):
        put(norm.weight, 1 + made(13 + 2 * k, (WIDTH,), 0.4))
        put(norm.bias, made(14 + 2 * k, (WIDTH,), 0.4))
    x = made(0, (BATCH, TIME, WIDTH)).requires_grad_()
    context = made(20, (BATCH, KEYS, WIDTH)).requires_grad_()
    y = block(x, context, tgt_mask=torch.triu(torch.ones(TIME, TIME, dtype=torch.bool), 1))
    (y * made(21, y.shape)).sum().backward()
    return {"y": numbers(y), "x": numbers(x.grad), "context": numbers(context.grad)}


def training():
    vocabulary, time, width, hidden = 11, 6, 8, 16
    table = torch.nn.Embedding(vocabulary, width)
    positions = torch.nn.Parameter(made(2, (time, width), 0.4))
    block = torch.nn.TransformerEncoderLayer(width, 2, hidden, 0.0, "gelu", batch_first=True, norm_first=True)
    out = torch.nn.Linear(width, vocabulary)
    put(table.weight, made(1, (vocabulary, width), 0.4))
    load_block(block, 3, width, hidden)
    put(out.weight, turned(15, width, vocabulary))
    put(out.bias, made(16, (vocabulary,), 0.4))
    optimizer = torch.optim.Adam([positions, *table.parameters(), *block.parameters(), *out.parameters()], lr=1e-2)
    mask = torch.triu(torch.ones(time, time, dtype=torch.bool), 1)
    losses = []
    for step in range(10):
        tokens = torch.tensor([[(3 * step + 5 * b + t * t) % vocabulary for t in range(time + 1)] for b in range(3)])
        logits = out(block(table(tokens[:, :-1]) + positions, src_mask=mask))
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, vocabulary), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(f"{loss.item():.8g}"))
    return {"losses": losses, "table": numbers(table.weight), "projection.weight": numbers(block.self_attn.in_proj_weight.T)}


def main():
    record = {
        "torch": torch.__version__,
        "plain": self_attention(False, False),
        "causal": self_attention(True, False),
        "padded": self_attention(False, True),
        "cross": cross_attention(),
        "embedding": embedding(),
        "encoder pre": encoder(True),
        "encoder post": encoder(False),
        "decoder": decoder(),
        "training": training(),
    }
    with open(os.path.join(HERE, "attention.json"), "w") as file:
        json.dump(record, file)
        file.write("\n")


if __name__ == "__main__":
    main()
