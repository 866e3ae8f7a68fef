/** `millwright predict`: answers of a trained model for the rows of a table. */
import { readFileSync } from "node:fs";
import { fail } from "../../core/errors.js";
import type { Prediction } from "../../round/predict.js";
import { type Context, line, writeJson } from "../context.js";
import { type Verb, wantsJson } from "../program.js";
import { inRun, writeWhole } from "./files.js";
import { resolvePath, shownPath } from "./numbers.js";

interface Options {
  readonly at: string;
  readonly out?: string;
}

const moments = ["row", "stride", "last"] as const;

export const predictVerb: Verb = (program, run) => {
  program
    .command("predict")
    .description("Answer for the rows of a table with a trained model, by the features it was trained with.")
    .argument("<model>", "model.safetensors as written by `millwright simulate`, or its folder")
    .argument("<table>", "CSV or Parquet file, or a folder of them, with the columns of the training data")
    .option("--at <when>", "answer at every row, every stride as in training, or the last row of each machine: row, stride, last", "row")
    .option("--out <file>", "write the answers here instead of to the output: CSV, or JSON with --json")
    .option("--json", "print the answers as JSON")
    .action((modelPath: string, tablePath: string, options: Options, command) =>
      run(async (context) => {
        const at = moments.find((m) => m === options.at);
        if (at === undefined) fail("USAGE", { where: "--at", expected: moments.join(", "), got: options.at });
        const predictions = await answers(inRun(resolvePath(context, modelPath), "model.safetensors"), resolvePath(context, tablePath), at);
        const json = wantsJson(command);
        if (options.out !== undefined) keep(context, resolvePath(context, options.out), predictions, json);
        else if (json) writeJson(context, predictions);
        else for (const text of csv(predictions)) line(context.out, text);
        return 0;
      }),
    );
};

async function answers(modelPath: string, tablePath: string, at: (typeof moments)[number]): Promise<Prediction[]> {
  const { decodeBundle } = await import("../../round/bundle.js");
  const { neededColumns, predictTable } = await import("../../round/predict.js");
  const { createEngine } = await import("../../model/engine-wasm.js");
  const { openSource } = await import("../../io/source/open.js");
  const { readTable } = await import("../../io/source/read.js");
  const { readLimits } = await import("../../io/source/limits.js");
  const { sortByMachine } = await import("../../data/schema-table.js");
  const bundle = decodeBundle(readBytes(modelPath), modelPath);
  const { schema } = bundle.scaler;
  const table = await readTable(await openSource(tablePath, readLimits), neededColumns(bundle));
  return predictTable(bundle, createEngine(bundle.model), sortByMachine(table, schema.machine, schema.time), { at });
}

/** The bytes of a model file. Errors: FILE_UNREADABLE. */
export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    fail("FILE_UNREADABLE", { where: path, expected: "a model file", got: cause instanceof Error ? cause.message : String(cause), cause });
  }
}

/** The answers go to the file, the output says so in the form that was asked for. */
function keep(context: Context, to: string, predictions: readonly Prediction[], json: boolean): void {
  writeWhole(to, json ? `${JSON.stringify(predictions, undefined, 2)}\n` : `${csv(predictions).join("\n")}\n`);
  if (json) writeJson(context, { file: to, answers: predictions.length });
  else line(context.out, `${predictions.length} answers written to ${shownPath(context, to)}`);
}

/** RFC 4180, one line per answer. */
export function csv(predictions: readonly Prediction[]): string[] {
  const names = [...new Set(predictions.flatMap((p) => Object.keys(p)))] as (keyof Prediction)[];
  const cell = (value: unknown): string => {
    const text = value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [names.map(cell).join(","), ...predictions.map((p) => names.map((n) => cell(p[n])).join(","))];
}
