/**
 * Which columns a federation works with, as its file declares them: the contract that a plant's own table is mapped to. A table declares
 * its inputs, units and labels under `data:`; the fleet's are known. Named data sets and modules declare nothing, because only their rows
 * would tell; a plant with rows of its own then has to use the same names.
 */
import { parseDuration } from "../core/duration.js";
import { fail } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import type { Dataset } from "../data/dataset.js";
import { generateFleet } from "../data/fleet/generate.js";
import { unitOfHeader } from "../data/schema-text.js";
import { isModuleSource, type TableSource } from "../data/source-spec.js";
import type { FederationFile } from "../round/file.js";

export interface DeclaredColumn {
  readonly name: string;
  readonly role: "machine" | "time" | "input" | "target" | "split" | "other";
  readonly kind?: "number" | "time" | "category" | "tensor";
  readonly unit?: string;
  readonly labels?: readonly string[];
}

export interface Declared {
  readonly columns: readonly DeclaredColumn[];
  readonly machine?: string;
  readonly time?: string;
  readonly inputs: readonly string[];
  readonly target?: string;
  readonly split?: string;
  readonly step?: Millis;
  /** The task needs a table of events. */
  readonly events: boolean;
  /** Kinds of events that count; empty where all do. */
  readonly kinds: readonly string[];
}

/** The declared columns, or undefined where only the data itself would tell. Errors: FILE_INVALID for a table without `inputs`. */
export function declaredColumns(file: FederationFile): Declared | undefined {
  const { data } = file;
  if (isModuleSource(data)) return undefined;
  if (data.use === "fleet") return declaredBy(generateFleet({ machines: 2, days: 5, sites: 1 }), file);
  return data.use === "table" ? declaredByTable(data as TableSource, file) : undefined;
}

/** The columns of a data set that the plan works with; for those that come from rows instead of a file. */
export function declaredBy(dataset: Dataset, file: FederationFile): Declared {
  const { machine, time, split } = dataset;
  const target = targetName(file) ?? dataset.target;
  const roles = roleList({ machine, time, inputs: dataset.inputs, target, split: splitName(file) ?? split }, file);
  const columns = roles.map(({ name, role }): DeclaredColumn => {
    const column = dataset.readings.columns.find((one) => one.name === name);
    if (column === undefined) return { name, role };
    return {
      name,
      role,
      kind: column.kind,
      ...(column.kind === "number" && column.unit !== undefined && { unit: column.unit }),
      ...(column.kind === "category" && role !== "machine" && { labels: column.labels }),
    };
  });
  return {
    columns,
    ...rolesOf(columns),
    inputs: dataset.inputs,
    ...(dataset.step === undefined ? {} : { step: dataset.step }),
    events: needsEvents(file) && dataset.events !== undefined,
    kinds: countedKinds(file),
  };
}

function declaredByTable(data: TableSource, file: FederationFile): Declared {
  if (data.inputs === undefined) {
    fail("FILE_INVALID", {
      where: "data.inputs",
      expected: "the columns that a model may see, so that plants with tables of their own can be mapped to them",
      got: "none",
      remedy: "ask for inputs: [...] under data: in the federation file",
    });
  }
  const { machine, time, inputs } = data;
  const roles = roleList({ machine, time, inputs, target: targetName(file) ?? data.target, split: splitName(file) ?? data.split }, file);
  const columns = roles.map(({ name, role }): DeclaredColumn => {
    const said = data.columns?.[name];
    const category = role === "machine" || role === "split" || data.categories?.includes(name) === true;
    const kind = said?.kind ?? (category ? "category" : undefined);
    const unit = role === "machine" || role === "time" || role === "split" || kind === "category" ? undefined : unitOf(name, data);
    return {
      name,
      role,
      ...(kind === undefined ? {} : { kind }),
      ...(unit === undefined ? {} : { unit }),
      ...(said?.labels === undefined ? {} : { labels: said.labels }),
    };
  });
  return {
    columns,
    ...rolesOf(columns),
    inputs,
    ...(data.step === undefined ? {} : { step: parseDuration(data.step, "data.step") }),
    events: needsEvents(file) && data.events !== undefined,
    kinds: countedKinds(file, data.events?.values),
  };
}

const unitOf = (name: string, data: TableSource): string | undefined =>
  data.columns?.[name]?.unit ?? data.units?.[name] ?? unitOfHeader(name);

interface Roles {
  readonly machine?: string;
  readonly time?: string;
  readonly inputs: readonly string[];
  readonly target?: string;
  readonly split?: string;
}

/** Every column once, in the order in which roles are told; categories that a feature looks at beside the inputs. */
function roleList(roles: Roles, file: FederationFile): { name: string; role: DeclaredColumn["role"] }[] {
  const list: { name: string; role: DeclaredColumn["role"] }[] = [];
  const add = (name: string | undefined, role: DeclaredColumn["role"]): void => {
    if (name !== undefined && !list.some((one) => one.name === name)) list.push({ name, role });
  };
  add(roles.machine, "machine");
  add(roles.time, "time");
  for (const name of roles.inputs) add(name, "input");
  add(roles.target, "target");
  add(roles.split, "split");
  for (const feature of file.features ?? []) if ("per" in feature) add(feature.per, "other");
  return list;
}

/** A target that is an input too keeps the role of an input and is the target all the same. */
const rolesOf = (columns: readonly DeclaredColumn[]): Pick<Declared, "machine" | "time" | "target" | "split"> =>
  Object.fromEntries(
    columns.flatMap(({ name, role }) =>
      role === "machine" || role === "time" || role === "target" || role === "split" ? [[role, name]] : [],
    ),
  );

const targetName = ({ task }: FederationFile): string | undefined => ("target" in task ? task.target : undefined);
const splitName = ({ split }: FederationFile): string | undefined => (split?.by === "column" ? split.column : undefined);
const needsEvents = ({ task }: FederationFile): boolean => task.kind === "rul" || (task.kind === "failure" && task.horizon !== undefined);

function countedKinds({ task }: FederationFile, values?: readonly string[]): readonly string[] {
  return ("events" in task ? task.events : undefined) ?? values ?? [];
}
