import type { PlantLog } from "../src/data/fleet/statistics.js";

export function readAzure(folder: string): PlantLog;
