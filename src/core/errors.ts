/**
 * One error type, with a code from one table. Whoever reads the message learns what was expected,
 * what was found, and what to do about it; whoever reads the code can act on it.
 */

/** Every code Millwright can raise, with one line for the table in the documentation. */
export const codes = {
  FILE_INVALID: "The federation file does not describe a federation that can run.",
  FILE_UNREADABLE: "A file could not be read or decoded.",
  FILE_UNWRITABLE: "A file could not be written; nothing of it is left behind.",
  PLAN_REFUSED: "The parts of the plan do not go together.",
  SHAPE_MISMATCH: "A tensor or layer has another shape than its neighbour needs.",
  MODEL_INVALID: "The model graph is not a graph this engine can run.",
  MODEL_TOO_LARGE: "The model or a batch exceeds the declared memory limit.",
  DATA_INVALID: "A table holds values that the task cannot use.",
  DATA_MISSING: "A data set, file or column that was asked for is not there.",
  DATA_EMPTY: "Nothing is left to train or test on after windows and splits were cut.",
  TRAINING_DIVERGED: "The loss or the parameters stopped being finite numbers.",
  NOT_FINITE: "A number that must be finite is NaN or infinite.",
  UPDATE_OUT_OF_RANGE: "An update does not fit the fixed-point range declared in the plan.",
  SUM_OVERFLOW: "A sum of updates could leave the range in which integers are exact.",
  ROUND_ABANDONED: "Too few sites answered before the deadline of the round.",
  MESSAGE_INVALID: "A message does not match the protocol.",
  LIMIT_EXCEEDED: "A declared limit on size, count or time was reached.",
  KERNEL_MISMATCH: "The compiled kernels are not the ones this version was built with.",
  DOWNLOAD_FAILED: "A download did not arrive whole and was thrown away.",
  ABORTED: "The caller asked to stop; what was finished is kept.",
  RESUME_REFUSED: "A stored run cannot be continued by this plan.",
  PLUGIN_INVALID: "A user's module does not export what its place in the file needs.",
  PACKAGE_MISSING: "An optional package is needed for what the file asks for.",
  TRANSPORT_UNREACHABLE: "The other end could not be reached: no name, no connection, no time, no valid certificate.",
  TRANSPORT_REFUSED: "The other end answered with a refusal, which is passed on as it came.",
  TRANSPORT_INTERCEPTED: "Somebody between the two ends answers in the other end's place.",
  TRANSPORT_DAMAGED: "Bytes arrived that are not the ones that were asked for; nothing of them is kept.",
  AUTH_REQUIRED: "The request proves no identity: neither a certificate of this federation nor a signature.",
  AUTH_BODY_ALTERED: "The body is not the one that was signed.",
  AUTH_FORBIDDEN: "The caller is known, and its role may not do this.",
  CERTIFICATE_INVALID: "A certificate, or a request for one, is not what this federation issues.",
  KEY_INVALID: "A key cannot be read or is of a kind that is not used here.",
  TOKEN_REFUSED: "An enrolment token is damaged, unknown, expired, used, or was tried too often.",
  MEMBER_CONFLICT: "A member of that name is there already, or may not have what was asked for.",
  AUTH_SIGNATURE: "The signature of a request does not hold.",
  AUTH_STALE: "A signed request is too old or from the future; check both clocks.",
  AUTH_REPLAYED: "A signed request was received before.",
  AUTH_TARGET: "A signed request arrived at another address or by another method than was signed.",
  AUTH_FEDERATION: "A request was signed for another federation.",
  AUTH_UNKNOWN: "The certificate is genuine, and the member table does not know it.",
  AUTH_REVOKED: "The member or its certificate was revoked.",
  AUTH_EXPIRED: "The certificate is not valid at this moment.",
  AUTH_ROLE: "The certificate names another role than the member has now; it has to be renewed.",
  SIGNATURE_MISSING: "Something that must be signed is not.",
  SIGNATURE_REFUSED: "A signature is not one of a trusted key over these bytes.",
  ROLLBACK_REFUSED: "A signed plan or release is older than one that was accepted before.",
  RELEASE_ALTERED: "The files of a release are not the ones that were signed.",
  RELEASE_UNPROVEN: "A release does not show which plan and which record it comes from.",
  ROUTE_UNKNOWN: "There is nothing at this address for this method.",
  REQUEST_INVALID: "A request is not one that this server understands.",
  RATE_LIMITED: "One member asks more often than its share; it may come back later.",
  SERVER_BUSY: "The server is at a declared limit; it may be asked again later.",
  RECORD_FENCED: "Another writer continued this record; this one must stop and read it again.",
  RECORD_CONFLICT: "The record holds something else under this key, or the change is not allowed from there.",
  RECORD_MISSING: "The record has no such run, member, certificate or release.",
  RECORD_INVALID: "A value cannot be kept in the record.",
  RECORD_UNAVAILABLE: "The record's store does not answer or cannot write; read again before repeating.",
  RECORD_NEWER: "The store was written by a newer version of Millwright.",
  RECORD_DAMAGED: "The store does not hold what its writer left; restore a backup.",
  REPLAY_DIFFERS: "A replay of a record did not give the recorded models.",
  USAGE: "The command was called with arguments it does not understand.",
  BLOB_MISMATCH: "Bytes that arrived do not have the SHA-256 they were announced with; they were thrown away.",
  BLOB_MISSING: "A blob that was asked for by its SHA-256 is not in the store.",
  JOURNAL_DAMAGED: "A journal is damaged where no crash can have damaged it; nothing of it was dropped.",
  STORE_DAMAGED: "A stored file does not hold what was written into it.",
  STORE_CLOSED: "The store was closed, or stopped itself after a write that failed; open it again.",
  STORE_KEY_REFUSED: "The key does not open this store.",
  STORE_LOCKED: "Another process works in the same data folder.",
  STORE_NOT_EMPTY: "A backup or a restore needs an empty folder to write to.",
  INTERNAL: "Something that cannot happen did; please report it.",
} as const;

/** A code of the table above; each refusal has one. */
export type ErrorCode = keyof typeof codes;

/** One fault: where, what was expected, what was found, and what to do. */
export interface ErrorDetail {
  /** The place: a path in the file, a layer's name, a row and column, a message. */
  readonly where?: string;
  readonly expected: string;
  readonly got: string;
  /** What the reader can do about it. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** The only error Millwright throws on purpose. `faults` lists more than one when several were found at once. */
export class MillwrightError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;
  readonly faults: readonly ErrorDetail[];

  constructor(code: ErrorCode, detail: ErrorDetail, faults: readonly ErrorDetail[] = [detail]) {
    super(`${code}: ${faults.map(describe).join("; ")}`, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "MillwrightError";
    this.code = code;
    this.detail = detail;
    this.faults = faults;
  }
}

function describe(detail: ErrorDetail): string {
  const place = detail.where === undefined ? "" : `${detail.where}: `;
  const remedy = detail.remedy === undefined ? "" : ` (${detail.remedy})`;
  return `${place}expected ${detail.expected}, got ${detail.got}${remedy}`;
}

/** Throws a coded error. Returns never, so that it can stand where a value is expected. */
export function fail(code: ErrorCode, detail: ErrorDetail): never {
  throw new MillwrightError(code, detail);
}
