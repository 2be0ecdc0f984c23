// A functional model's graph: which call of which layer takes the results of which others, in an order that can be run.
import { FormatError } from "../core/errors.ts";
import { quote } from "../formats/json.ts";
import { type Fields, fieldsOf, listOf, textOf, wrong } from "./config.ts";
import { type Call, type Context, callOf, entryOf, isModel } from "./network.ts";

/** One call of a layer: its own key, and those of the calls whose results it takes. */
interface Step {
  readonly key: string;
  readonly call: Call;
  readonly inputs: readonly string[];
}

/** A result that is named in a file: a layer's, of one of its calls. */
interface Reference {
  readonly layer: string;
  readonly index: number;
}

function referenceOf(where: string, value: unknown): Reference {
  const [layer, index, tensor, settings] = listOf(where, value);
  if (!Number.isSafeInteger(index) || (index as number) < 0)
    throw wrong(`${where}: call`, index, "its number");
  if (tensor !== 0) throw wrong(`${where}: result`, tensor, "0, the only one");
  const given = Object.entries(settings == null ? {} : fieldsOf(where, settings));
  const strange = given.find(([name, each]) => each !== null && name !== "training" && name !== "name");
  if (strange) throw new FormatError(`fromKeras: ${where}: argument ${quote(strange[0])}: wanted none`);
  return { layer: textOf(where, layer), index: index as number };
}

/** One result alone, or a list of one. */
function single(where: string, value: unknown): Reference {
  const list = listOf(where, value);
  if (typeof list[0] === "string") return referenceOf(where, list);
  if (list.length !== 1) throw wrong(where, list.length, "one");
  return referenceOf(where, list[0]);
}

/** What a call takes: as Keras 3 writes it, with its arguments, or as a list before. */
function inputsOf(where: string, value: unknown): Reference[] {
  if (Array.isArray(value)) {
    return typeof value[0] === "string"
      ? [referenceOf(where, value)]
      : value.map((each) => referenceOf(where, each));
  }
  const { args, kwargs } = fieldsOf(where, value);
  const tensors = listOf(where, args).flatMap((each) => (Array.isArray(each) ? (each as unknown[]) : [each]));
  return tensors.map((each) => {
    const { config } = fieldsOf(where, each);
    return referenceOf(where, [...listOf(where, fieldsOf(where, config).keras_history).slice(0, 3), kwargs]);
  });
}

/** The calls between a model's input and its output. */
export function callsOf(
  fields: Fields,
  context: Context,
): { readonly steps: readonly Step[]; readonly input: string; readonly output: string } {
  const nodes = new Map<string, { call: Call; calls: Reference[][]; nested: boolean }>();
  for (const value of listOf("layers", fields.layers)) {
    const { kind, name, where } = entryOf(value);
    if (nodes.has(name)) throw new FormatError(`fromKeras: ${where}: got it twice, wanted it once`);
    const calls = listOf(`${where}: inbound_nodes`, fieldsOf(where, value).inbound_nodes ?? []);
    nodes.set(name, {
      call: callOf(value, context),
      calls: calls.map((each) => inputsOf(`${where}: inbound_nodes`, each)),
      nested: isModel(kind),
    });
  }
  const input = single("input_layers", fields.input_layers);
  const output = single("output_layers", fields.output_layers);

  // A model counts its own making as its first call, where the file was written by a version that does so.
  const last = new Map<string, number>();
  for (const { layer, index } of [output, ...[...nodes.values()].flatMap(({ calls }) => calls.flat())])
    last.set(layer, Math.max(last.get(layer) ?? 0, index));
  const keyOf = ({ layer, index }: Reference): string => {
    const node = nodes.get(layer);
    const own = node?.nested && last.get(layer) === node.calls.length ? index - 1 : index;
    return `${own} ${layer}`;
  };

  const steps: Step[] = [];
  const known = new Map<string, "under way" | "done">([[keyOf(input), "done"]]);
  // A stack of its own: a file's depth is not ours.
  const stack: Reference[] = [output];
  while (stack.length > 0) {
    const reference = stack.at(-1)!;
    const key = keyOf(reference);
    const node = nodes.get(reference.layer);
    const inputs = node?.calls[Number.parseInt(key, 10)];
    if (known.get(key) === "done") {
      stack.pop();
      continue;
    }
    if (!node || !inputs || inputs.length === 0)
      throw new FormatError(
        `fromKeras: layer ${quote(reference.layer)}: call ${reference.index}: got none, wanted one that leads to the only input, ${quote(input.layer)}`,
      );
    const missing = inputs.filter((each) => known.get(keyOf(each)) !== "done");
    if (missing.length > 0 && known.has(key))
      throw new FormatError(`fromKeras: layer ${quote(reference.layer)}: got a circle, wanted an order`);
    if (missing.length === 0) {
      steps.push({ key, call: node.call, inputs: inputs.map(keyOf) });
      known.set(key, "done");
      stack.pop();
    } else {
      known.set(key, "under way");
      stack.push(...missing);
    }
  }
  return { steps, input: keyOf(input), output: keyOf(output) };
}
