/** A federation file with its data loaded and dealt to sites, for the verbs that look at data without training. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "../core/errors.js";
import type { Dataset } from "../data/dataset.js";
import { generateFleet } from "../data/fleet/generate.js";
import { partitionSummary } from "../data/partition/summary.js";
import { addStatistics, type DataPlan, fitScaler, partitionSites, type SitePart, siteExamples, siteStatistic } from "../data/pipeline.js";
import type { DataSpec } from "../data/source-spec.js";
import { loadDataset } from "../io/source/load.js";
import type { PartitionSummary } from "../lab/result.js";
import { type FederationFile, readFederationFile } from "../round/file.js";

export const isFederationFile = (path: string): boolean => /\.(ya?ml|json)$/i.test(path);

/** Reads and checks a federation file. Errors: FILE_UNREADABLE, FILE_INVALID. */
export function readFile(path: string): FederationFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    fail("FILE_UNREADABLE", {
      where: path,
      expected: "a federation file",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
  return readFederationFile(text, path);
}

/** Loads what a `data:` key names. */
export function load(data: DataSpec, folder: string, dataRoot: string | undefined): Promise<Dataset> {
  return loadDataset(data, {
    folder,
    ...(dataRoot === undefined || dataRoot === "" ? {} : { dataRoot }),
    loadFleet: (spec) => generateFleet(spec),
  });
}

export interface Dealt {
  readonly file: FederationFile;
  readonly dataset: Dataset;
  readonly plan: DataPlan;
  readonly parts: readonly SitePart[];
}

/** The data of a federation file, dealt to its sites. Errors: those of the file and the data. */
export async function deal(path: string, dataRoot: string | undefined): Promise<Dealt> {
  const file = readFile(path);
  const dataset = await load(file.data, dirname(path), dataRoot);
  const { task, features, split, sites, units, resample, gaps } = file;
  const plan: DataPlan = { task, features, split, sites, units, resample, gaps };
  return { file, dataset, plan, parts: partitionSites(dataset, plan, file.seed) };
}

/** How the partition falls: examples, answers and skew per site. Windows are cut for real, so the counts are those of a run. */
export function summary({ dataset, plan, parts }: Dealt): PartitionSummary {
  const statistics = parts.map((part) => siteStatistic(part, plan));
  const scaler = fitScaler(statistics.reduce(addStatistics));
  return partitionSummary(
    plan,
    dataset,
    parts.map((part, i) => ({ site: part.site, examples: siteExamples(part, scaler, plan), statistic: statistics[i] })),
  );
}
