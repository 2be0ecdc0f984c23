"""The golden runs of downhill/losses: PyTorch's losses, or its arithmetic where it has none, with their gradients.

Writes losses.json beside this file. Run it with a Python that has torch (Debian: python3-torch):

    /usr/bin/python3 test/golden/losses.py

Each run has the name of a loss, its options, the output and the target as 32-bit floats or integers, the loss and its
gradient by the output (and by the target, where that may be trained too), all reckoned in 64 bits.
"""

import json
import math
import os

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
runs = []


def numbers(tensor, digits):
    return [float(f"%.{digits}g" % x) for x in tensor.flatten().tolist()]


def run(name, formula, output, target, options=None, both=False):
    x = output.float().double().requires_grad_()
    t = target if target.dtype == torch.int64 else target.float().double()
    if both:
        t.requires_grad_()
    loss = formula(x, t)
    loss.backward()
    runs.append(
        {
            "name": name,
            **({} if options is None else {"options": options}),
            "output": {"shape": list(x.shape), "values": numbers(x, 9)},
            "target": {
                "shape": list(t.shape),
                "dtype": "i32" if t.dtype == torch.int64 else "f32",
                "values": t.flatten().tolist() if t.dtype == torch.int64 else numbers(t, 9),
            },
            "loss": float("%.12g" % loss.item()),
            "gradient": numbers(x.grad, 9),
            **({"targetGradient": numbers(t.grad, 9)} if both else {}),
        }
    )


def draw(*shape, scale=1.0):
    return torch.randn(*shape) * scale


def shares(*shape):
    return torch.softmax(torch.randn(*shape) * 2, -1)


def cross_entropies():
    weights = [0.5, 2.0, 0.0, 1.25, 3.0]
    w = torch.tensor(weights).double()
    labels = torch.tensor([1, 4, 0, 3, 2, 4])
    for smoothing in [0.0, 0.2]:
        for weight, given in [(None, {}), (w, {"weights": weights})]:
            options = {"smoothing": smoothing, **given}
            ce = lambda x, t: F.cross_entropy(x, t, weight=weight, label_smoothing=smoothing)
            run("crossEntropy", ce, draw(6, 5, scale=2), labels, options)
            run("crossEntropy", ce, draw(6, 5, scale=2), shares(6, 5), options)
            for ignored, targets in [(255, [1, 255, 0, 3, 255, 4]), (3, [1, 3, 0, 3, 2, 4]), (-1, [-1, 1, 0, 0, 2, 4])]:
                ce_ignoring = lambda x, t: F.cross_entropy(
                    x, t, weight=weight, label_smoothing=smoothing, ignore_index=ignored
                )
                chosen = {**options, "ignoreIndex": ignored}
                run("crossEntropy", ce_ignoring, draw(6, 5, scale=2), torch.tensor(targets), chosen)

    def focal(gamma, alpha):
        def formula(x, t):
            t = F.one_hot(t, x.shape[-1]).double() if t.dtype == torch.int64 else t
            p, log = x.softmax(-1), x.log_softmax(-1)
            return -(alpha * t * (1 - p) ** gamma * log).sum(-1).mean()

        return formula

    for gamma in [0, 0.5, 2]:
        run("focal", focal(gamma, 1), draw(6, 5, scale=2), labels, {"gamma": gamma})
        run("focal", focal(gamma, w), draw(6, 5, scale=2), shares(6, 5), {"gamma": gamma, "weights": weights})

    # torchvision.ops.sigmoid_focal_loss, reduction="mean"
    def binary(gamma, alpha):
        def formula(x, t):
            p = torch.sigmoid(x)
            ce = F.binary_cross_entropy_with_logits(x, t, reduction="none")
            loss = ce * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
            return (loss if alpha is None else (alpha * t + (1 - alpha) * (1 - t)) * loss).mean()

        return formula

    hard = (torch.rand(3, 5) > 0.5).float()
    run("binaryFocal", binary(2, 0.25), draw(3, 5, scale=3), hard, {})
    run("binaryFocal", binary(0.5, 0.7), draw(3, 5, scale=3), torch.rand(3, 5), {"gamma": 0.5, "alpha": 0.7})
    run("binaryFocal", binary(0, None), draw(3, 5), hard, {"gamma": 0, "alpha": "none"})

    kl = lambda x, t: F.kl_div(x.log_softmax(-1), t, reduction="batchmean")
    run("klDivergence", kl, draw(4, 5, scale=2), shares(4, 5), both=True)
    run("klDivergence", kl, draw(2, 3), torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]))


def regressions():
    for beta in [0, 0.3, 1, 2.5]:
        run("smoothL1", lambda x, t: F.smooth_l1_loss(x, t, beta=beta), draw(3, 5, scale=2), draw(3, 5), {"beta": beta})
    log_cosh = lambda x, t: torch.log(torch.cosh(x - t)).mean()
    run("logCosh", log_cosh, draw(3, 5, scale=3), draw(3, 5))
    pinball = lambda q: lambda x, t: torch.max(q * (t - x), (q - 1) * (t - x)).mean()
    run("quantile", pinball(0.9), draw(3, 5), draw(3, 5), 0.9)
    run("quantile", pinball(torch.tensor([0.1, 0.5, 0.9]).double()), draw(5, 3), draw(5, 1), [0.1, 0.5, 0.9])
    counts = torch.tensor([[0.0, 1.0, 2.0], [5.0, 11.0, 3.0]])
    for full in [False, True]:
        log_rates = lambda x, t: F.poisson_nll_loss(x, t, log_input=True, full=full)
        rates = lambda x, t: F.poisson_nll_loss(x, t, log_input=False, full=full)
        run("poisson", log_rates, draw(2, 3), counts, {"full": full})
        run("poisson", rates, torch.rand(2, 3) * 4, counts, {"logInput": False, "full": full})


def margins():
    signs = torch.sign(draw(3, 5))
    run("hinge", lambda x, t: (1 - t * x).clamp(min=0).mean(), draw(3, 5), signs)
    run("squaredHinge", lambda x, t: (1 - t * x).clamp(min=0).square().mean(), draw(3, 5), signs)

    def categorical(x, t):
        own = F.one_hot(t, x.shape[-1]).bool()
        others = x.masked_fill(own, -math.inf).amax(-1)
        return (1 + others - x[own]).clamp(min=0).mean()

    run("categoricalHinge", categorical, draw(6, 4), torch.tensor([0, 3, 2, 2, 1, 0]))
    for swap in [False, True]:
        triplet = lambda x, t: F.triplet_margin_loss(x[:, 0], x[:, 1], x[:, 2], margin=0.7, swap=swap)
        run("tripletMargin", triplet, draw(5, 3, 4), torch.zeros(5, 1), {"margin": 0.7, "swap": swap})


def directions():
    cosine = lambda x, t: (1 - F.cosine_similarity(x, t, dim=-1)).mean()
    run("cosineDistance", cosine, draw(4, 5, scale=3), draw(4, 5), both=True)

    def info_nce(temperature, symmetric):
        def formula(x, t):
            likeness = F.normalize(x, dim=-1) @ F.normalize(t, dim=-1).T / temperature
            own = torch.arange(len(x))
            one = F.cross_entropy(likeness, own)
            return (one + F.cross_entropy(likeness.T, own)) / 2 if symmetric else one

        return formula

    run("infoNce", info_nce(0.07, False), draw(4, 5), draw(4, 5), {}, both=True)
    symmetric = {"temperature": 0.5, "symmetric": True}
    run("infoNce", info_nce(0.5, True), draw(5, 3), draw(5, 3), symmetric, both=True)

    # Chen et al. 2020: the views one under the other, one example's after the other.
    def nt_xent(temperature):
        def formula(x, t):
            z = F.normalize(x.reshape(-1, x.shape[-1]), dim=-1)
            likeness = (z @ z.T / temperature).masked_fill(torch.eye(len(z)).bool(), -math.inf)
            return F.cross_entropy(likeness, torch.arange(len(z)) ^ 1)

        return formula

    run("ntXent", nt_xent(0.5), draw(4, 2, 3), torch.zeros(4, 1), {})
    run("ntXent", nt_xent(0.1), draw(3, 2, 5), torch.zeros(3, 1), {"temperature": 0.1})


def dices():
    def dice(smooth, square):
        def formula(x, t):
            if t.dtype == torch.int64:
                p, t = x.softmax(-1), F.one_hot(t, x.shape[-1]).double()
                axes = tuple(range(1, x.dim() - 1))
            else:
                p, axes = torch.sigmoid(x), tuple(range(1, x.dim()))
            power = 2 if square else 1
            over = 2 * (p * t).sum(axes) + smooth
            return (1 - over / ((p**power).sum(axes) + (t**power).sum(axes) + smooth)).mean()

        return formula

    mask = (torch.rand(2, 3, 4, 1) > 0.6).float()
    run("dice", dice(1, False), draw(2, 3, 4, 1), mask, {})
    run("dice", dice(0.1, True), draw(2, 3, 4, 1), mask, {"smooth": 0.1, "squared": True})
    run("dice", dice(1, False), draw(2, 3, 2, 3), torch.randint(3, (2, 3, 2)), {})


def ctcs():
    def ctc(blank, zero, lengths=None):
        def formula(x, t):
            given = t[:, 0].tolist() if lengths else [x.shape[1]] * len(x)
            rows = [row[1 if lengths else 0 :].tolist() for row in t]
            rows = [row[: row.index(blank)] if blank in row else row for row in rows]
            labels = torch.tensor([label for row in rows for label in row])
            return F.ctc_loss(
                x.log_softmax(-1).transpose(0, 1),
                labels,
                torch.tensor(given),
                torch.tensor([len(row) for row in rows]),
                blank=blank,
                zero_infinity=zero,
            )

        return formula

    # Repeated labels, none at all, and as many as there are frames.
    labels = torch.tensor([[1, 2, 2, 0], [3, 1, 0, 0], [0, 0, 0, 0], [1, 2, 3, 1]])
    run("ctc", ctc(0, False), draw(4, 6, 4, scale=2), labels, {})
    run("ctc", ctc(0, False), draw(4, 4, 4), torch.tensor([[1, 2, 3, 1], [1, 1, 0, 0], [2, 0, 0, 0], [2, 1, 2, 1]]), {})
    last = torch.tensor([[0, 1, 3], [2, 2, 3]])
    run("ctc", ctc(3, False), draw(2, 5, 4), last, {"blank": 3})
    # The second cannot be: a blank must stand between equal labels.
    impossible = torch.tensor([[1, 2, 3], [2, 2, 2], [3, 3, 0]])
    run("ctc", ctc(0, True), draw(3, 4, 4), impossible, {"zeroInfinity": True})
    measured = torch.tensor([[7, 1, 2, 2], [3, 2, 1, 0], [1, 3, 0, 0], [5, 0, 0, 0]])
    run("ctc", ctc(0, False, True), draw(4, 7, 4), measured, {"frames": "first-label"})


def main():
    torch.manual_seed(3)
    for part in [cross_entropies, regressions, margins, directions, dices, ctcs]:
        part()
    with open(os.path.join(HERE, "losses.json"), "w") as file:
        lines = ",\n".join("    " + json.dumps(each) for each in runs)
        file.write(f'{{\n  "torch": "{torch.__version__}",\n  "runs": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
