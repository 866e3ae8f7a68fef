import type { Row } from "./results-rows.d.mts";

export function resultsPage(rows: readonly Row[], evidence: Readonly<Record<string, unknown>>): string;
