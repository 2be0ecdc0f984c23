// Convolutions as products: rows are output pixels, terms are taps × channels, columns are output channels.
// The gradient with respect to the input is a convolution too, of the flipped kernel; with strides it falls into
// phases, each with the taps that meet its pixels, so that no zeros are multiplied.
import { PATCHES_BYTES } from "../abi";
import { end, endElement, first, firstElement } from "../thread";
import { block, byColumns, NARROW, NC, PATCHES, Product, TRANSPOSED_PATCHES, WIDE } from "./block";
import { Patches } from "./patches";

@unmanaged
class Convolution extends Product {
  patches: usize;
  groups: i32;
  /** How many tables of patches there are, or into how many parts the terms fall, each with a sum of its own. */
  parts: i32;
}

export function convolution(i: Convolution): void {
  pixels(i, NARROW);
}
export function convolutionWide(i: Convolution): void {
  pixels(i, WIDE);
}
export function convolutionWeights(i: Convolution): void {
  weights(i, NARROW);
}
export function convolutionWeightsWide(i: Convolution): void {
  weights(i, WIDE);
}

/** C[pixels, n] = patches of A · B. */
function pixels(i: Convolution, width: i32): void {
  const n = i.n;
  const each = n / i.groups;
  for (let part = 0; part < i.parts; part++) {
    const patches = changetype<Patches>(i.patches + <usize>part * PATCHES_BYTES);
    const m = patches.pixels;
    const b = i.b + ((<usize>patches.tap * i.ldb) << 2);
    let iFrom = 0;
    let iTo = m;
    let jFrom = 0;
    let jTo = n;
    if (byColumns(m, n)) {
      jFrom = firstElement(n);
      jTo = endElement(n);
    } else {
      iFrom = first(m);
      iTo = end(m);
    }
    while (jFrom < jTo && iFrom < iTo) {
      const group = jFrom / each;
      const to = min(min(jFrom + NC, jTo), (group + 1) * each);
      const channel = group * patches.groupChannels;
      block(i, PATCHES, width, iFrom, iTo, jFrom, to, 0, patches.terms, b, i.c, patches, channel);
      jFrom = to;
    }
  }
}

/**
 * C[part][m, n] = Aᵀ · patches of B over each part of the pixels: the gradient with respect to the weight, transposed.
 * (With the patches as Aᵀ they would be gathered and transposed too; so only A is, which is smaller.)
 */
function weights(i: Convolution, width: i32): void {
  const patches = changetype<Patches>(i.patches);
  const each = i.m / i.groups;
  const panels = (i.n + width - 1) / width;
  const to = end(i.parts * panels);
  for (let unit = first(i.parts * panels); unit < to; ) {
    const part = unit / panels;
    const last = min(to, (part + 1) * panels);
    const jTo = min(i.n, (last - part * panels) * width);
    const kFrom = <i32>((<i64>i.k * part) / i.parts);
    const kTo = <i32>((<i64>i.k * (part + 1)) / i.parts);
    const c = i.c + ((<usize>part * i.m * i.n) << 2);
    for (let group = 0; group < i.groups; group++) {
      const channel = group * patches.groupChannels;
      for (let j = (unit - part * panels) * width; j < jTo; j += NC) {
        const jEnd = min(j + NC, jTo);
        block(i, TRANSPOSED_PATCHES, width, group * each, (group + 1) * each, j, jEnd, kFrom, kTo, i.b, c, patches, channel);
      }
    }
    unit = last;
  }
}
