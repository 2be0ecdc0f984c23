// The page Bench: what the library's arithmetic comes to in this browser, with everything that belongs to the numbers.
import { useEffect, useRef, useState } from "preact/hooks";
import { Scroll } from "../../parts/scroll.tsx";
import { Workshop } from "../../parts/work.ts";
import { spoken } from "../../shell/language.ts";
import { en, type Words } from "../../words/bench.en.ts";
import { zh } from "../../words/bench.zh.ts";
import "./bench.css";
import type { BenchUpdate } from "./measure.ts";
import { METHODS } from "./methods.ts";
import { type BenchResult, type BenchRow, cellsOf, digits, textOf } from "./result.ts";
import { browserOf, hasRelaxed, machineOf } from "./surroundings.ts";

type State =
  | { readonly is: "idle" | "cancelled" }
  | { readonly is: "running"; readonly update: BenchUpdate | undefined }
  | { readonly is: "done"; readonly result: BenchResult }
  | { readonly is: "failed"; readonly reason: string };

const browser = () => {
  const { userAgentData } = navigator as { userAgentData?: Parameters<typeof browserOf>[1] };
  return browserOf(navigator.userAgent, userAgentData);
};

export function Page() {
  const text = spoken({ en, zh });
  const [quick, setQuick] = useState(false);
  const [state, setState] = useState<State>({ is: "idle" });
  const [machine, setMachine] = useState("");
  const workshop = useRef<Workshop | null>(null);
  workshop.current ??= new Workshop();
  useEffect(() => {
    machineOf(navigator).then(setMachine);
    return () => workshop.current!.stop();
  }, []);

  const run = async () => {
    setState({ is: "running", update: undefined });
    try {
      const setting = { quick, browser: browser(), machine };
      const result = await workshop.current!.ask("bench", setting, (update) =>
        setState({ is: "running", update }),
      );
      setState({ is: "done", result });
    } catch (error) {
      setState({ is: "failed", reason: error instanceof Error ? error.message : String(error) });
    }
    // Its engines are closed; the next measurement begins in a fresh worker, as the first one did.
    workshop.current!.stop();
  };
  const { warm, sample, rounds } = METHODS[quick ? "quick" : "full"];
  const result = state.is === "done" ? state.result : undefined;

  return (
    <div class="bench">
      <header>
        <h1>{text.title}</h1>
        <p class="quiet">{text.intro}</p>
      </header>
      <section class="panel" aria-labelledby="bench-here">
        <h2 id="bench-here">{text.here}</h2>
        <dl>
          {factsOf(text, machine, result).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <p class="quiet">{text.method(warm, sample, rounds)}</p>
        <div class="row">
          {state.is === "running" ? (
            <button
              type="button"
              onClick={() => {
                workshop.current!.stop();
                setState({ is: "cancelled" });
              }}
            >
              {text.cancel}
            </button>
          ) : (
            <button type="button" class="primary" onClick={run}>
              {text.run}
            </button>
          )}
          <label class="check">
            <input
              type="checkbox"
              checked={quick}
              disabled={state.is === "running"}
              onChange={({ currentTarget }) => setQuick(currentTarget.checked)}
            />
            {text.quick}
          </label>
        </div>
        {state.is === "running" && (
          <div class="running">
            <progress
              aria-label={text.progress}
              max={state.update?.total ?? 1}
              value={state.update?.done ?? 0}
            />
            <span class="quiet" aria-hidden="true">
              {state.update ? text.at(state.update.name) : text.warming}
            </span>
          </div>
        )}
        {/* Told once at the beginning and once at the end; the bar tells the rest. */}
        <p class="quiet" role="status">
          {state.is === "done" ? text.done : state.is === "cancelled" ? text.cancelled : ""}
        </p>
        <p class="bad" role="alert">
          {state.is === "failed" ? `${text.failed} ${state.reason}` : ""}
        </p>
      </section>
      {result && <Result result={result} text={text} />}
    </div>
  );
}

/** A line each: what is pasted somewhere is not wrapped there. */
const sentencesOf = (text: string) => text.split(/(?<=[.。]) ?(?=\D)/);

/** What is known before anything runs, and after it what was in use. */
function factsOf(text: Words, machine: string, result: BenchResult | undefined): [string, string][] {
  const here = result?.surroundings;
  return [
    [text.browser, here?.browser ?? browser()],
    [text.machine, here?.machine ?? machine],
    [text.cores, String(navigator.hardwareConcurrency)],
    [text.isolated, crossOriginIsolated ? text.isolatedYes : text.isolatedNo],
    [text.relaxed, hasRelaxed() ? text.relaxedYes : text.relaxedNo],
    ...(here && result
      ? ([
          [text.instructionSet, here.instructionSet],
          [text.threads, String(here.threads)],
          [text.clock, text.clockOf(digits(here.clock))],
          [text.date, result.date],
        ] satisfies [string, string][])
      : []),
  ];
}

function Result({ result, text }: { readonly result: BenchResult; readonly text: Words }) {
  const [said, setSaid] = useState<"copied" | "notCopied">();
  const area = useRef<HTMLTextAreaElement>(null);
  const { columns } = text;
  const head = [
    columns.name,
    columns.threads,
    columns.median,
    columns.fastest,
    columns.gigaflops,
    columns.share,
  ];
  const facts = factsOf(text, "", result).map(([name, value]) => `${name}: ${value}`);
  const { warm, sample, rounds } = result.method;
  const asText = textOf(result, head, [...facts, ...sentencesOf(text.method(warm, sample, rounds))]);
  const copy = async (what: string) => {
    try {
      await navigator.clipboard.writeText(what);
      setSaid("copied");
    } catch {
      area.current!.value = what;
      area.current!.select();
      setSaid("notCopied");
    }
  };
  const products = result.rows.filter(({ kind }) => kind !== "step");
  const steps = result.rows.filter(({ kind }) => kind === "step");
  return (
    <>
      <section class="panel" aria-labelledby="bench-products">
        <h2 id="bench-products">{text.products}</h2>
        <p class="quiet">{text.productsHint}</p>
        <div class="products">
          <Table rows={products} head={head} label={text.tableOf(text.products)} text={text} />
          <Shares rows={products} text={text} />
        </div>
      </section>
      <section class="panel" aria-labelledby="bench-steps">
        <h2 id="bench-steps">{text.steps}</h2>
        <p class="quiet">{text.stepsHint}</p>
        <Table rows={steps} head={head.slice(0, 4)} label={text.tableOf(text.steps)} text={text} />
      </section>
      <section class="panel" aria-labelledby="bench-result">
        <h2 id="bench-result">{text.result}</h2>
        <div class="row">
          <button type="button" onClick={() => copy(asText)}>
            {text.copyText}
          </button>
          <button type="button" onClick={() => copy(JSON.stringify(result, undefined, 2))}>
            {text.copyJson}
          </button>
          <span class="quiet" role="status">
            {said ? text[said] : ""}
          </span>
        </div>
        <textarea ref={area} readOnly rows={12} aria-label={text.asText} value={asText} />
      </section>
    </>
  );
}

interface TableProps {
  readonly rows: readonly BenchRow[];
  readonly head: readonly string[];
  readonly label: string;
  readonly text: Words;
}

function Table({ rows, head, label, text }: TableProps) {
  return (
    <Scroll label={label}>
      <table>
        <caption class="hidden">{label}</caption>
        <thead>
          <tr>
            {head.map((each, i) => (
              <th key={each} scope="col" class={i > 0 ? "number" : ""}>
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const [name, ...cells] = cellsOf(row);
            return (
              <tr key={`${name} ${row.threads}`}>
                <th scope="row">{row.kind === "ceiling" ? text.ceiling : name}</th>
                {head.slice(1).map((column, i) => (
                  <td key={column} class={row.wrong && i === 1 ? "number bad" : "number"}>
                    {cells[i]}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Bars of the shares: as long as they are good. The table says the same in numbers. */
function Shares({ rows, text }: { readonly rows: readonly BenchRow[]; readonly text: Words }) {
  const all = [...new Set(rows.map(({ threads }) => threads))];
  return (
    <figure class="shares" aria-hidden="true">
      <figcaption class="quiet">{text.chart}</figcaption>
      {rows.flatMap((row) =>
        row.share === undefined
          ? []
          : [
              <div class="share" key={`${row.name} ${row.threads}`}>
                <span>
                  {row.name} · {row.threads}
                </span>
                <span class="track">
                  <span
                    class="bar"
                    style={{
                      width: `${100 * Math.min(1, row.share)}%`,
                      background: `var(--series-${1 + all.indexOf(row.threads)})`,
                    }}
                  />
                </span>
                <span class="number">{row.share.toFixed(2)}</span>
              </div>,
            ],
      )}
    </figure>
  );
}
