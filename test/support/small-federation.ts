/** Small federations for tests of whole simulations. */
import { fileURLToPath } from "node:url";

/** A federation that trains in well under a second: three sites, two machines each, forty days. */
export const smallFederation = {
  federation: "small",
  data: { use: "fleet", machines: 6, days: 40, sites: 3, seed: 2 },
  task: { kind: "failure", window: "12h", horizon: "24h", stride: "12h" },
  split: { by: "time", test: 0.4 },
  sites: { use: "by", column: "site" },
  model: { use: "gru", channels: 0, units: 6, hidden: [] },
  training: { optimizer: { use: "adam", learningRate: 0.01 }, batch: 16 },
  rounds: 5,
  seed: 7,
};

/** A user's source of two sensors of three machines; see the file. */
export const sensorsSource = fileURLToPath(new URL("./sensors-source.mjs", import.meta.url));
