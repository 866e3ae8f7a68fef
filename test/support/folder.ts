/** A folder of its own for a test file, removed at the end. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millwright-test-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
