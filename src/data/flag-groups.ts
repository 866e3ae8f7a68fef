/**
 * Several columns of 0 and 1 of which exactly one is 1 in every row are one answer written as flags (one-hot): found in a sample, and
 * joined into one category of the columns' names when a table is read. A group is looked for among neighbouring columns only, and what
 * holds in a sample is a proposal: joining refuses the first row that breaks it.
 */
import { fail } from "../core/errors.js";
import type { InferredColumn, InferredSchema, Sample } from "./infer.js";
import { parseTruth } from "./schema-text.js";
import type { CategoryColumn, Table } from "./table.js";

export interface FlagGroup {
  /** Name of the joined column: the word all columns share, or "class". */
  readonly name: string;
  readonly columns: readonly string[];
}

/** Two columns are a flag and its opposite; from three on they tell classes apart. */
const fewest = 3;
/** In fewer rows flags exclude each other by chance. */
const leastRows = 20;
/** More flags than this are not looked through. */
const mostFlags = 500;

/** Runs of neighbouring flags of which every row of the sample sets exactly one. */
export function flagGroups(sample: Sample, schema: InferredSchema): FlagGroup[] {
  if (sample.rows.length < leastRows) return [];
  const isFlag = (c: InferredColumn): boolean => c.truth === "digits" && c.missing === 0 && !c.constant;
  const flags = schema.columns.flatMap((column, c) => (isFlag(column) ? [c] : [])).slice(0, mostFlags);
  const groups: FlagGroup[] = [];
  for (let from = 0; from < flags.length; from++) {
    const length = exclusiveRun(sample, flags.slice(from));
    if (length < fewest) continue;
    const columns = flags.slice(from, from + length).map((c) => schema.columns[c].name);
    groups.push({ name: sharedName(columns, schema), columns });
    from += length - 1;
  }
  return groups;
}

/** How many of the first columns share out the rows among them, one each; 0 where none do. */
function exclusiveRun(sample: Sample, flags: readonly number[]): number {
  const set = new Uint8Array(sample.rows.length);
  let free = set.length;
  for (const [i, c] of flags.entries()) {
    if (c !== flags[0] + i) return 0;
    for (let r = 0; r < set.length; r++) {
      if (parseTruth(sample.rows[r][c]) !== 1) continue;
      if (set[r] === 1) return 0;
      set[r] = 1;
      free--;
    }
    if (free === 0) return i + 1;
  }
  return 0;
}

/** The first word that all names share, whatever its case and number; with a name no column has. */
function sharedName(columns: readonly string[], schema: InferredSchema): string {
  const words = (name: string): string[] =>
    name
      .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
      .toLowerCase()
      .split(/[^a-z]+/)
      .map((word) => word.replace(/s$/, ""))
      .filter((word) => word.length > 1);
  const [first, ...others] = columns.map(words);
  const shared = first.find((word) => others.every((other) => other.includes(word))) ?? "class";
  const taken = new Set(schema.columns.map((column) => column.name));
  let name = shared;
  for (let i = 2; taken.has(name); i++) name = `${shared}${i}`;
  return name;
}

/** The schema as it is once a group is one column: a category in the place of its first flag. */
export function foldFlags(schema: InferredSchema, { name, columns }: FlagGroup): InferredSchema {
  const folded: InferredColumn = {
    name,
    kind: "category",
    missing: 0,
    distinct: columns.length,
    examples: columns.slice(0, 5),
    constant: false,
    identifier: false,
  };
  return {
    ...schema,
    columns: schema.columns.flatMap((column) => (column.name === columns[0] ? [folded] : columns.includes(column.name) ? [] : [column])),
  };
}

/** A table with the flags joined into a category `name`. Errors: DATA_INVALID naming the first row that does not set exactly one. */
export function joinFlags(table: Table, name: string, flags: readonly string[], where: string): Table {
  const values = flags.map((flag) => {
    const column = table.columns.find((c) => c.name === flag);
    if (column?.kind !== "number")
      fail("DATA_INVALID", { where: `${where}, column "${flag}"`, expected: "a column of 0 and 1", got: column?.kind ?? "none" });
    return column.values;
  });
  const codes = new Int32Array(table.rows);
  for (let row = 0; row < table.rows; row++) {
    let code = -1;
    let set = 0;
    for (let f = 0; f < values.length; f++) {
      if (values[f][row] !== 1) continue;
      set++;
      code = f;
    }
    const other = values.findIndex((column) => column[row] !== 0 && column[row] !== 1);
    if (set !== 1 || other >= 0) {
      fail("DATA_INVALID", {
        where: `${where}, row ${row + 1}`,
        expected: `1 in exactly one of ${flags.join(", ")}, and 0 in the others`,
        got: other >= 0 ? `${values[other][row]} in ${flags[other]}` : `1 in ${set} of them`,
        remedy: "mend the row, or name one column as the target instead of data.flags",
      });
    }
    codes[row] = code;
  }
  const joined: CategoryColumn = { name, kind: "category", codes, labels: [...flags] };
  return { rows: table.rows, columns: [...table.columns.filter((column) => !flags.includes(column.name)), joined] };
}
