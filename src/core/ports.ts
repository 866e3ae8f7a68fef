/**
 * What a long-lived program needs from the world, as ports: a clock, a disk, secret randomness. The real ones live in io; the fault
 * simulator has its own, so that the same program runs under a virtual clock, a disk that tears and a network that loses.
 */
import type { Millis } from "./quantities.js";

/** Time since 1970 and alarms. An alarm that was cancelled never rings; one in the past rings at once, but never inside `at`. */
export interface Clock {
  readonly now: () => Millis;
  /** Milliseconds since some moment: never goes back and never jumps, whatever is done to the time of day. Without it, `now`. */
  readonly uptime?: () => Millis;
  /** Calls back once when the time has come; returns what cancels it. */
  readonly at: (moment: Millis, ring: () => void) => () => void;
}

/** Bytes from the operating system's generator; only a test or a simulation may pass anything else. */
export interface SecretRandom {
  readonly bytes: (length: number) => Uint8Array;
}

/**
 * A disk as crash-safe programs see it: what was written is durable only after `sync` of the file, a new, renamed or removed name only
 * after `syncFolder` of its folder. Paths use "/" and are relative to the disk's own folder; none comes from another party.
 * Errors: FILE_UNREADABLE, FILE_UNWRITABLE (a full disk too), each naming the path.
 */
export interface Disk {
  /** The whole file, or undefined where there is none. `limit` is the largest size that is read. */
  readonly read: (path: string, limit?: number) => Promise<Uint8Array | undefined>;
  readonly size: (path: string) => Promise<number | undefined>;
  /** Names in a folder, sorted; nothing where there is no such folder. */
  readonly list: (folder: string) => Promise<readonly string[]>;
  /** Makes a folder and its parents. */
  readonly makeFolder: (path: string) => Promise<void>;
  /** "new" refuses a file that is there; "append" makes one that is not. */
  readonly open: (path: string, how: "new" | "append" | "read") => Promise<DiskFile>;
  readonly rename: (from: string, to: string) => Promise<void>;
  /** Nothing happens where there is no such file. */
  readonly remove: (path: string) => Promise<void>;
  readonly syncFolder: (path: string) => Promise<void>;
  /** Bytes that can still be written, where the system tells. */
  readonly free?: () => Promise<number>;
}

export interface DiskFile {
  readonly size: () => number;
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  /** Appends. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly truncate: (size: number) => Promise<void>;
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
}
