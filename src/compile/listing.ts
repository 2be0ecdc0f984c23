// A program as text, for people and for tests that compare.
import type { Operand } from "../graph/op.ts";
import { BARRIER, type Instruction, type Place } from "./instruction.ts";

/** One line an instruction; what is fused stands indented below its head, with what stays inside the group in parentheses. */
export function list(instructions: readonly Instruction[]): string {
  return instructions
    .flatMap(({ kernel, operands, fused, locals }, at) => {
      const number = String(at).padStart(3);
      if (kernel === BARRIER) return [`${number}  ──────`];
      const show = (place: Place) => (locals.has(place) ? `(${place.name})` : place.name);
      const inner = fused.map(({ kernel: name, y, inputs, parameters: [alpha, beta] }) => {
        const takes = inputs.map(({ place, period, repeat }) =>
          period === 0
            ? show(place)
            : `${show(place)}[${repeat === 1 ? `i % ${period}` : `i / ${repeat} % ${period}`}]`,
        );
        const numbers = [alpha, beta].filter((value) => value !== undefined && value !== 0);
        return `     · ${name} ${[...takes, ...numbers].join(" ")} → ${show(y)}`;
      });
      return [
        `${number}  ${kernel} ${operands.map(showOperand).filter(Boolean).join(" ")}`.trimEnd(),
        ...inner,
      ];
    })
    .join("\n");
}

function showOperand(operand: Operand): string {
  if (typeof operand === "number") return String(operand);
  switch (operand.kind) {
    case "float":
      return String(Math.fround(operand.value));
    case "null":
      return "–";
    case "scratch":
      return "";
    case "address": {
      const place = operand.buffer as Place;
      const at = operand.offset > 0 ? `+${operand.offset}` : "";
      const arrow = { read: "", write: "→ ", update: "↔ " }[operand.mode];
      return `${arrow}${place.name}${at}@${place.region}:${place.offset}`;
    }
  }
}
