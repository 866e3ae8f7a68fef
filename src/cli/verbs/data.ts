/** `millwright data`: the data sets that are known, getting them, looking at them, and how they fall over sites. */
import type { Verb } from "../program.js";
import { fetchVerb } from "./data/fetch.js";
import { inspectVerb } from "./data/inspect.js";
import { listVerb } from "./data/list.js";
import { partitionVerb } from "./data/partition.js";

export const dataVerb: Verb = (program, run) => {
  const data = program.command("data").description("Known data sets: list, fetch, inspect, and how they fall over sites.");
  listVerb(data, run);
  fetchVerb(data, run);
  inspectVerb(data, run);
  partitionVerb(data, run);
};
