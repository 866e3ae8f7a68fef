/** What the command's exit status means. One table: the command, its documentation and the tests read it here. */
import type { ErrorCode } from "../core/errors.js";

export const exitCodes = {
  0: "Done.",
  1: "An internal fault of Millwright; please report it.",
  2: "The command line was not understood.",
  3: "The federation file, plan, model or user module was refused.",
  4: "Data is missing, unreadable, or holds values that the task cannot use.",
  5: "Training failed: it diverged, left its declared range, or too few sites answered.",
  6: "Interrupted; the run can be continued with --resume.",
  7: "This machine lacks something: an optional package, the right kernels, memory.",
  8: "Another party could not be reached, could not prove who it is, or refused.",
} as const;

export type ExitCode = keyof typeof exitCodes;

/** Exit status per error code. A code that is missing here is a test failure, and counts as internal until then. */
const exits: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  USAGE: 2,
  FILE_INVALID: 3,
  PLAN_REFUSED: 3,
  SHAPE_MISMATCH: 3,
  MODEL_INVALID: 3,
  MODEL_TOO_LARGE: 3,
  PLUGIN_INVALID: 3,
  RESUME_REFUSED: 3,
  FILE_UNREADABLE: 4,
  FILE_UNWRITABLE: 4,
  DATA_INVALID: 4,
  DATA_MISSING: 4,
  DATA_EMPTY: 4,
  DOWNLOAD_FAILED: 4,
  TRAINING_DIVERGED: 5,
  NOT_FINITE: 5,
  UPDATE_OUT_OF_RANGE: 5,
  SUM_OVERFLOW: 5,
  ROUND_ABANDONED: 5,
  MESSAGE_INVALID: 5,
  LIMIT_EXCEEDED: 4,
  KERNEL_MISMATCH: 7,
  PACKAGE_MISSING: 7,
  TRANSPORT_UNREACHABLE: 8,
  TRANSPORT_REFUSED: 8,
  TRANSPORT_INTERCEPTED: 8,
  TRANSPORT_DAMAGED: 8,
  AUTH_REQUIRED: 8,
  AUTH_FORBIDDEN: 8,
  ROUTE_UNKNOWN: 8,
  REQUEST_INVALID: 8,
  RATE_LIMITED: 8,
  SERVER_BUSY: 8,
  RECORD_FENCED: 5,
  RECORD_CONFLICT: 5,
  RECORD_MISSING: 4,
  RECORD_INVALID: 5,
  RECORD_UNAVAILABLE: 4,
  RECORD_NEWER: 7,
  RECORD_DAMAGED: 4,
  ABORTED: 6,
  BLOB_MISMATCH: 4,
  BLOB_MISSING: 4,
  JOURNAL_DAMAGED: 4,
  STORE_DAMAGED: 4,
  STORE_CLOSED: 4,
  STORE_KEY_REFUSED: 4,
  STORE_LOCKED: 4,
  STORE_NOT_EMPTY: 4,
  INTERNAL: 1,
};

/** Exit status of an error code; undefined where the table does not know it. */
export function exitOf(code: ErrorCode): ExitCode | undefined {
  return exits[code];
}
