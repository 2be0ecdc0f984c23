// A program as text, for people and for tests that compare.
import type { Operand } from "../graph/op.ts";
import { BARRIER, type Instruction, outputs, type Place } from "./instruction.ts";

/** One line an instruction; what is fused stands indented below its head, with what stays inside the group in parentheses. */
export function list(instructions: readonly Instruction[]): string {
  return instructions
    .flatMap(({ kernel, operands, fused, locals }, at) => {
      const number = String(at).padStart(3);
      if (kernel === BARRIER) return [`${number}  ──────`];
      const show = (place: Place) => (locals.has(place) ? `(${place.name})` : place.name);
      const inner = fused.map((pass) => {
        const [alpha, beta] = pass.update ? [] : pass.parameters;
        const takes = pass.inputs.map(({ place, period, repeat }) =>
          period === 0
            ? show(place)
            : `${show(place)}[${repeat === 1 ? `i % ${period}` : `i / ${repeat} % ${period}`}]`,
        );
        const numbers = [alpha, beta].filter((value) => value !== undefined && value !== 0);
        return `     · ${pass.kernel} ${[...takes, ...numbers].join(" ")} → ${outputs(pass).map(show).join(" ")}`;
      });
      return [
        `${number}  ${kernel} ${operands
          .map((operand) => showOperand(operand, locals))
          .filter(Boolean)
          .join(" ")}`.trimEnd(),
        ...inner,
      ];
    })
    .join("\n");
}

function showOperand(operand: Operand, locals: Instruction["locals"]): string {
  if (typeof operand === "number") return String(operand);
  switch (operand.kind) {
    case "float":
      return String(Math.fround(operand.value));
    case "null":
      return "–";
    case "scratch":
    case "local":
      return "";
    case "address": {
      const place = operand.buffer as Place;
      const at = operand.offset > 0 ? `+${operand.offset}` : "";
      const arrow = { read: "", write: "→ ", update: "↔ " }[operand.mode];
      if (locals.has(place)) return `${arrow}(${place.name})`;
      return `${arrow}${place.name}${at}@${place.region}:${place.offset}`;
    }
  }
}
