/** A federation file from wherever it comes: a path, or the same content as an object. */
import { dirname, resolve } from "node:path";
import { readText } from "../io/read-text.js";
import { type FederationFile, parseFederation, readFederationFile } from "../round/file.js";

export interface ReadPlan {
  readonly file: FederationFile;
  /** What paths in the file are relative to. */
  readonly folder: string;
}

/** Paths in a file are relative to its folder, paths in an object to the working directory, unless `folder` says otherwise. Errors: FILE_UNREADABLE, FILE_INVALID. */
export function readPlan(plan: string | object, folder?: string): ReadPlan {
  if (typeof plan !== "string") return { file: parseFederation(plan), folder: folder ?? resolve(".") };
  return { file: readFederationFile(readText(plan, "a federation file"), plan), folder: folder ?? dirname(resolve(plan)) };
}
