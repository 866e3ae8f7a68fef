/** Where Chromium lies, or undefined on a machine without it. CHROME names one that is not on the path. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

export function browserPath(): string | undefined {
  const named = process.env.CHROME;
  if (named !== undefined && named !== "") return existsSync(named) ? named : undefined;
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
}
