// Every op that a model predicts with, by name, and how it is written.
import { attentions } from "./attention.ts";
import { elementwise } from "./elementwise.ts";
import { movement } from "./movement.ts";
import { products } from "./products.ts";
import { recurrences } from "./recurrence.ts";
import { reductions } from "./reductions.ts";
import type { Exporter } from "./translation.ts";
import { windows } from "./windows.ts";

export const exporters: ReadonlyMap<string, Exporter> = new Map(
  [attentions, elementwise, movement, products, recurrences, reductions, windows].flatMap((family) =>
    Object.entries(family),
  ),
);
