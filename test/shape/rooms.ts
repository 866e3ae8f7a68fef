/**
 * Who may import whom. A room that is not listed here is refused, so a new one starts with its row.
 * A folder of a room may have a row of its own ("io/workers").
 *
 * `values` are rooms whose code may be called, `types` rooms of which only types may be named (erased before anything
 * runs), `packages` npm packages, `node` the node:* modules that may be used (true: any).
 */
export interface Room {
  readonly values: readonly string[];
  readonly types?: readonly string[];
  readonly packages?: readonly string[];
  readonly node?: true | readonly string[];
}

export const domains = ["model", "data", "training", "aggregation", "wire", "evaluation"] as const;

export const rooms: Readonly<Record<string, Room>> = {
  core: { values: [] },
  kernels: { values: ["core"] },
  model: { values: ["core", "kernels"], packages: ["zod"] },
  data: { values: ["core", "kernels"], types: ["lab"], packages: ["zod"] },
  training: { values: ["core", "kernels", "model"], packages: ["zod"] },
  aggregation: { values: ["core", "kernels"], packages: ["zod"] },
  wire: { values: ["core", "kernels"], packages: ["zod"] },
  evaluation: { values: ["core", "kernels"], types: ["data", "lab"], packages: ["zod"] },
  round: { values: ["core", "kernels", ...domains], types: ["lab"], packages: ["zod", "yaml"] },
  io: {
    values: ["core", "wire"],
    types: ["data", "model", "training"],
    packages: ["zod", "@opentelemetry/api"],
    node: true,
  },
  // A source makes tables of bytes; what a column may hold is known in data, which is pure.
  "io/source": {
    values: ["core", "wire", "data"],
    packages: ["csv-parse", "hyparquet", "hyparquet-compressors", "@duckdb/node-api", "zod"],
    node: true,
  },
  "io/record": { values: ["core"], packages: ["kysely", "libsql", "pg"], node: true },
  // A worker thread is a program of its own: its entry builds the engine and runs the training it is sent.
  "io/workers": { values: ["core", "kernels", "wire", "model", "training"], types: ["data"], node: true },
  // The server program at any tier: it talks to the world through ports and io. Of node:crypto it names types only.
  coordinator: { values: ["core", "kernels", ...domains, "round", "io", "edge"], packages: ["zod"], node: ["node:crypto", "node:path"] },
  // A plant's program: the same parts as the coordinator, and its owner's files.
  edge: {
    values: ["core", "kernels", ...domains, "round", "io"],
    types: ["coordinator"],
    packages: ["zod", "yaml"],
    node: ["node:path", "node:crypto"],
  },
  // Paths and URLs are text; files, processors and the rest of the world are reached through io.
  lab: { values: ["core", "kernels", ...domains, "round", "io"], packages: ["zod"], node: ["node:path", "node:url"] },
  // The fault simulator runs the programs themselves, over a disk, a network and a clock of its own.
  "lab/faults": {
    values: ["core", "kernels", ...domains, "round", "io", "edge", "coordinator"],
    node: ["node:crypto"],
  },
  cli: {
    values: ["core", "kernels", ...domains, "round", "io", "edge", "coordinator", "lab", ""],
    packages: ["commander", "@clack/prompts", "log-update", "picocolors", "yaml", "zod"],
    node: true,
  },
  // The public entry: names what is public, does nothing itself.
  "": { values: ["core", "kernels", ...domains, "round", "io", "lab"] },
};
