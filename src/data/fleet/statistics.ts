/**
 * Statistics by which the fleet is compared with the data its constants come from. The same function measures both:
 * a log of a plant goes in, counts and rates come out. Nothing here knows the constants, except which sensor and which errors
 * belong to which component.
 */
import { fail } from "../../core/errors.js";
import type { Dataset } from "../dataset.js";
import type { CategoryColumn, Column, NumberColumn, Table, TimeColumn } from "../table.js";
import { announceHours, announcing, components, errorTypes, models, sensors } from "./constants.js";
import { countPatterns, type SensorLog } from "./statistics-sensors.js";

/** What a plant wrote down. Hours count from the first reading; `firstHour` is its hour of day. */
export interface PlantLog {
  readonly firstHour: number;
  /** Length of the event logs in hours. */
  readonly hours: number;
  readonly machines: readonly { readonly model: string; readonly age: number }[];
  readonly errors: readonly { readonly machine: number; readonly hour: number; readonly type: number }[];
  readonly failures: readonly { readonly machine: number; readonly hour: number; readonly component: number }[];
  /** Parts replaced, one entry each. */
  readonly replaced: readonly { readonly machine: number; readonly hour: number }[];
  /** Readings of the first machines and hours (all, or fewer where the data is a part). */
  readonly sensors: SensorLog;
}

export type PlantStatistics = Readonly<Record<string, number>>;

/** Named statistics; rates are per machine and year of 365 days. Absent where nothing was counted. */
export function plantStatistics(log: PlantLog): PlantStatistics {
  const out: Record<string, number> = {};
  const years = (log.machines.length * log.hours) / 8760;
  const put = (name: string, value: number): void => {
    if (Number.isFinite(value)) out[name] = value;
  };
  const key = (machine: number, hour: number, type: number): number => (machine * (log.hours + 1) + hour) * 8 + type;

  for (const model of models) put(`share.${model}`, log.machines.filter((m) => m.model === model).length / log.machines.length);
  put("age.mean", mean(log.machines.map((m) => m.age)));
  put("age.sd", sd(log.machines.map((m) => m.age)));

  // Failures: how many, where, when, and how many are announced. The first day is left out of the announcements: the log begins too late.
  const recorded = new Set(log.errors.map((e) => key(e.machine, e.hour, e.type)));
  const announcements = new Set<number>();
  let announced = 0;
  let checked = 0;
  let onVisitHour = 0;
  for (const f of log.failures) {
    if ((f.hour + log.firstHour) % 24 === 6) onVisitHour++;
    if (f.hour < 1) continue;
    const keys = announcing[f.component].map((type) => key(f.machine, f.hour - announceHours, type));
    checked++;
    if (f.hour < announceHours || !keys.every((k) => recorded.has(k))) continue;
    announced++;
    for (const k of keys) announcements.add(k);
  }
  put("failures.announced", announced / checked);
  put("failures.at06", onVisitHour / log.failures.length);
  components.forEach((name, c) => {
    put(`failures.${name}`, log.failures.filter((f) => f.component === c).length / years);
  });
  const old = log.machines.filter((m) => m.age >= 14).length;
  const comp4Old = log.failures.filter((f) => f.component === 3 && log.machines[f.machine].age >= 14).length;
  put("failures.comp4.age14", comp4Old / ((old * log.hours) / 8760));
  put("failures.comp4.younger", log.failures.filter((f) => f.component === 3).length - comp4Old);
  const kinds = new Set(["model3", "model4"]);
  put("failures.comp3.model34", log.failures.filter((f) => f.component === 2 && kinds.has(log.machines[f.machine].model)).length);
  const moments = new Map<number, number>();
  for (const f of log.failures) moments.set(key(f.machine, f.hour, 0), (moments.get(key(f.machine, f.hour, 0)) ?? 0) + 1);
  put("failures.double", Array.from(moments.values()).filter((n) => n > 1).length / moments.size);

  // Errors that announce nothing.
  const random = log.errors.filter((e) => !announcements.has(key(e.machine, e.hour, e.type)));
  errorTypes.forEach((name, type) => {
    put(`errors.${name}`, log.errors.filter((e) => e.type === type).length / years);
    put(`errors.${name}.random`, random.filter((e) => e.type === type).length / years);
  });
  put("errors.random.at06", random.filter((e) => (e.hour + log.firstHour) % 24 === 6).length / random.length);

  putVisits(log, put);
  for (const [name, value] of Object.entries(countPatterns(log))) put(name, value);
  return out;
}

/** Visits are hours with a part replaced; the gap between two of a machine is a multiple of the visit interval. */
function putVisits(log: PlantLog, put: (name: string, value: number) => void): void {
  const years = (log.machines.length * log.hours) / 8760;
  const parts = new Map<number, number>();
  for (const r of log.replaced) {
    const k = r.machine * (log.hours + 1) + r.hour;
    parts.set(k, (parts.get(k) ?? 0) + 1);
  }
  const visits = Array.from(parts.keys()).sort((a, b) => a - b);
  let gaps = 0;
  let short = 0;
  let multiples = 0;
  for (let i = 1; i < visits.length; i++) {
    const [a, b] = [visits[i - 1], visits[i]];
    if (Math.floor(a / (log.hours + 1)) !== Math.floor(b / (log.hours + 1))) continue;
    gaps++;
    if (b - a === 360) short++;
    if ((b - a) % 360 === 0) multiples++;
  }
  put("maintenance.parts", log.replaced.length / years);
  put("maintenance.visits", visits.length / years);
  put("maintenance.gap15d", short / gaps);
  put("maintenance.gapMultipleOf15d", multiples / gaps);
}

/** The log of a data set with the columns of the fleet (all machines with equally many hourly readings). Errors: DATA_MISSING, DATA_INVALID. */
export function fleetStatistics(dataset: Dataset): PlantStatistics {
  const { readings, events } = dataset;
  const machine = column(readings, "machine", "category") as CategoryColumn;
  const count = machine.labels.length;
  const hours = readings.rows / count;
  if (events === undefined || !Number.isInteger(hours)) {
    fail("DATA_INVALID", { where: dataset.name, expected: "events, and equally many readings per machine", got: `${readings.rows} rows` });
  }
  const time = column(readings, "time", "time") as TimeColumn;
  const model = column(readings, "model", "category") as CategoryColumn;
  const age = numbers(readings, "age");
  const start = time.values[0];
  const perType = errorTypes.map((name) => numbers(readings, name));
  const maintenance = numbers(readings, "maintenance");
  const errors: { machine: number; hour: number; type: number }[] = [];
  const replaced: { machine: number; hour: number }[] = [];
  for (let row = 0; row < readings.rows; row++) {
    const at = { machine: Math.floor(row / hours), hour: row % hours };
    for (let type = 0; type < 5; type++) for (let n = perType[type][row]; n > 0; n--) errors.push({ ...at, type });
    for (let n = maintenance[row]; n > 0; n--) replaced.push(at);
  }
  const eventMachine = column(events, "machine", "category") as CategoryColumn;
  const eventTime = column(events, "time", "time") as TimeColumn;
  const eventKind = column(events, "kind", "category") as CategoryColumn;
  return plantStatistics({
    firstHour: new Date(start).getUTCHours(),
    hours,
    machines: Array.from({ length: count }, (_, m) => ({ model: model.labels[model.codes[m * hours]], age: age[m * hours] })),
    errors,
    failures: Array.from(eventMachine.codes, (m, i) => ({
      machine: m,
      hour: Math.round((eventTime.values[i] - start) / 3_600_000),
      component: components.indexOf(eventKind.labels[eventKind.codes[i]] as (typeof components)[number]),
    })),
    replaced,
    sensors: { machines: count, hours, values: sensors.map((name) => numbers(readings, name)) },
  });
}

function column(table: Table, name: string, kind: Column["kind"]): Column {
  const found = table.columns.find((c) => c.name === name && c.kind === kind);
  if (found === undefined) fail("DATA_MISSING", { where: name, expected: `a ${kind} column of the fleet`, got: "none" });
  return found;
}

function numbers(table: Table, name: string): Float64Array {
  return (column(table, name, "number") as NumberColumn).values;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function sd(values: readonly number[]): number {
  const m = mean(values);
  return Math.sqrt(values.reduce((a, b) => a + (b - m) * (b - m), 0) / (values.length - 1));
}
