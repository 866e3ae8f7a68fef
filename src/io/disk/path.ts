/**
 * What a path on a disk may be: relative, parts divided by "/", plain characters. None comes from another party, and still every one is
 * checked here, once, for every disk: a bug above must not become a file outside the folder.
 */
import { fail } from "../../core/errors.js";

/** Longest path in characters, and longest part. */
export const pathLimit = 1024;
const partLimit = 200;

/** The parts of a path; none for the disk's own folder, written "" or ".". Errors: INTERNAL, since only our own code makes paths. */
export function pathParts(path: string): readonly string[] {
  if (path === "" || path === ".") return [];
  const parts = path.split("/");
  if (path.length > pathLimit || !parts.every(isPart)) {
    fail("INTERNAL", {
      where: JSON.stringify(path.slice(0, 80)),
      expected: "a relative path of plain names",
      got: "one that could leave the folder",
    });
  }
  return parts;
}

// A leading dot is left out too: "..", and names that tools hide.
const isPart = (part: string): boolean => part.length <= partLimit && /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part);

/** The folder that holds the last part of a path: what has to be synced for its name to be durable. */
export const folderOf = (path: string): string => pathParts(path).slice(0, -1).join("/");
