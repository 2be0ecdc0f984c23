"""PyTorch's images turned, zoomed and resized, that augmentation must reproduce, and Pillow's JPEG files.

Writes images.json beside this file. Run it with a Python that has torch (Debian: python3-torch, python3-pil):

    /usr/bin/python3 test/golden/images.py

The image is `spread` of pooling.py over [height, width, channels]. grid_sample takes places as shares of half the size,
between the middles' outer edges; places outside count as zeros.
"""

import base64
import io
import json
import math
import os

import torch
import torch.nn.functional as F
from PIL import Image
from pooling import spread

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = (5, 7, 2)


def image():
    height, width, channels = SHAPE
    x = torch.from_numpy(spread(height * width * channels)).reshape(SHAPE)
    return x.permute(2, 0, 1)[None].double()


def numbers(y):
    return [float(f"{value:.8g}") for value in y[0].permute(1, 2, 0).reshape(-1).tolist()]


def transformed(angle, scale):
    """What lies at a place of the result is read where the inverse of turning by the angle and scaling puts it."""
    height, width, _ = SHAPE
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    cos, sin = math.cos(math.radians(angle)) / scale, math.sin(math.radians(angle)) / scale
    rows, columns = cos * y + sin * x, cos * x - sin * y
    grid = torch.stack([columns * 2 / width, rows * 2 / height], dim=-1)[None]
    return numbers(F.grid_sample(image(), grid, mode="bilinear", padding_mode="zeros", align_corners=False))


def jpeg(mode):
    """A slope of colours; of size 12 x 10, so that blocks of eight are cut off."""
    pixels = Image.new(mode, (12, 10))
    for row in range(10):
        for column in range(12):
            colour = (20 * column, 25 * row, 255 - 10 * (row + column))
            pixels.putpixel((column, row), colour if mode == "RGB" else colour[0])
    file = io.BytesIO()
    pixels.save(file, "JPEG", quality=95, subsampling=0, progressive=mode == "RGB")
    read = Image.open(io.BytesIO(file.getvalue()))
    return {"mode": mode, "file": base64.b64encode(file.getvalue()).decode(), "bytes": list(read.tobytes())}


def main():
    result = {
        "torch": torch.__version__,
        "shape": SHAPE,
        "rotate": [{"degrees": degrees, "values": transformed(degrees, 1)} for degrees in (0, 17, -90, 133.5)],
        "zoom": [{"factor": factor, "values": transformed(0, factor)} for factor in (0.6, 1, 2.5)],
        "jpeg": [jpeg(mode) for mode in ("RGB", "L")],
        "resize": [
            {"size": size, "values": numbers(F.interpolate(image(), size=size, mode="bilinear", antialias=True))}
            for size in ([5, 7], [10, 9], [2, 3], [3, 16], [1, 1])
        ],
    }
    with open(os.path.join(HERE, "images.json"), "w") as file:
        json.dump(result, file)
        file.write("\n")


if __name__ == "__main__":
    main()
