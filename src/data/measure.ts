/** A site's contribution to the federated scaling: moments of its training rows and windows at the place of `scale`. */
import { categoryColumn, findColumn } from "./columns.js";
import { applyFeatures, type FeatureSpec } from "./features/registry.js";
import { type Frame, select } from "./frame.js";
import type { SitePart } from "./partition/partition.js";
import { type DataPlan, resolvePlan } from "./plan.js";
import { checkVolume } from "./shapes.js";
import { siteFrames, windowed } from "./site-frames.js";
import { train } from "./split.js";
import { extentKey, logKey, MomentCollector, momentKey, type Schema, type Statistic, targetKey } from "./statistic.js";
import { imageKeys, tensorOf, tensorSize } from "./tensor.js";

type Scale = Extract<FeatureSpec, { use: "scale" }>;

/**
 * What one site tells for scaling. Only rows labelled for training count. Errors: NOT_FINITE, FILE_INVALID, DATA_INVALID, LIMIT_EXCEEDED.
 *
 * @example
 * ```ts
 * import { partitionSites, siteStatistic } from "millwright/data";
 *
 * const [first] = partitionSites(dataset, plan, 7);
 * siteStatistic(first, plan).moments["scale/heat"]?.count; // => 30
 * ```
 */
export function siteStatistic(part: SitePart, plan: DataPlan): Statistic {
  const { dataset } = part;
  const { task, features, history } = resolvePlan(plan, dataset);
  checkVolume(part.site, dataset, { task, features, history }, siteFrames(part, plan));
  const collector = new MomentCollector();
  const scaleAt = features.findIndex((spec) => spec.use === "scale" && spec.own === undefined);
  const logAt = features.findIndex((spec) => spec.use === "log1p");
  const scale = scaleAt < 0 ? undefined : (features[scaleAt] as Scale);

  if (logAt >= 0) {
    for (const frame of measuredFrames(part, plan, features.slice(0, logAt), undefined)) {
      for (const { name, values } of frame.channels) trainRows(frame, part, (row) => collector.add(extentKey(name), values[row]));
    }
  }
  if (scale !== undefined) {
    const before = features.slice(0, scaleAt);
    collectScale(part, measuredFrames(part, plan, before, false), scale, scaleAt, collector, (key) => key);
    if (logAt >= 0 && logAt < scaleAt) collectScale(part, measuredFrames(part, plan, before, true), scale, scaleAt, collector, logKey);
  }
  if (task.spec.kind === "rul" || task.spec.kind === "value") {
    for (const { labelled } of windowed(part, plan)) {
      labelled.targets.forEach((target, i) => {
        if (labelled.split[i] === train) collector.add(targetKey, target);
      });
    }
  }
  const tensor = tensorOf(dataset, task, features, undefined);
  if (tensor !== undefined && features.some((spec) => spec.use === "image")) {
    const size = tensorSize(tensor.column);
    const keys = imageKeys(tensor.column, features);
    for (const row of part.rows) {
      if (part.split.labels[row] !== train) continue;
      for (let k = 0; k < size; k++) collector.add(keys[k % keys.length], tensor.column.values[row * size + k]);
    }
  }
  return { schema: schemaOf(part), moments: collector.moments() };
}

/** Frames with the features before the measured one applied; log1p on all columns or on none. */
function measuredFrames(part: SitePart, plan: DataPlan, before: readonly FeatureSpec[], logAll: boolean | undefined): Frame[] {
  return siteFrames(part, plan).map((frame) => {
    applyFeatures(frame, before, { scaler: undefined, logAll: logAll ?? false });
    return frame;
  });
}

function collectScale(
  part: SitePart,
  frames: readonly Frame[],
  scale: Scale,
  at: number,
  collector: MomentCollector,
  rename: (key: string) => string,
): void {
  for (const frame of frames) {
    const pool = [...frame.channels, ...frame.columns];
    const targets = scale.columns === undefined ? pool : select(pool, scale.columns, `features[${at}] (scale).columns`);
    const regime = scale.per === undefined ? undefined : frame.labels(scale.per);
    const keys = (name: string): string[] =>
      regime === undefined ? [rename(momentKey(name))] : regime.labels.map((label) => rename(momentKey(name, label)));
    for (const channel of targets) {
      const { name, values } = channel;
      const byRegime = keys(name);
      const regimeOf = (row: number): string | undefined => byRegime[regime === undefined ? 0 : regime.codes[row]];
      if (frame.columns.includes(channel)) {
        frame.lasts.forEach((last, i) => {
          const key = regimeOf(last);
          if (frame.trains?.[i] === 1 && key !== undefined) collector.add(key, values[i]);
        });
      } else {
        trainRows(frame, part, (row) => {
          const key = regimeOf(row);
          if (key !== undefined) collector.add(key, values[row]);
        });
      }
    }
  }
}

/** Calls for each training row of a frame that is the site's own. */
function trainRows(frame: Frame, part: SitePart, use: (row: number) => void): void {
  for (let row = 0; row < frame.rows; row++) {
    const source = frame.source[row];
    if (part.split.labels[source] === train && (part.anchors === undefined || part.anchors[source] === 1)) use(row);
  }
}

function schemaOf({ dataset }: SitePart): Schema {
  const categories: Record<string, readonly string[]> = {};
  let tensor: Schema["tensor"];
  for (const column of dataset.readings.columns) {
    if (column.kind === "category" && column.name !== dataset.machine)
      categories[column.name] = categoryColumn(dataset.readings, column.name, "data").labels;
    if (column.kind === "tensor" && dataset.inputs.includes(column.name)) tensor = { name: column.name, shape: column.shape };
  }
  return {
    ...(dataset.machine === undefined ? {} : { machine: dataset.machine }),
    ...(dataset.time === undefined
      ? {}
      : {
          time: dataset.time,
          clock: findColumn(dataset.readings, dataset.time)?.kind === "time" ? ("time" as const) : ("number" as const),
        }),
    ...(dataset.sourceStep === undefined ? {} : { step: dataset.sourceStep }),
    inputs: dataset.inputs,
    ...(dataset.target === undefined ? {} : { target: dataset.target }),
    categories,
    units: dataset.sourceUnits ?? {},
    ...(tensor === undefined ? {} : { tensor }),
  };
}
