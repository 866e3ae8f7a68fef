/**
 * What a coordinator writes down, as a port: runs and their logged inputs, closed rounds, members and their certificates, the audit
 * log, the model registry, leases. It is the form of "event sourcing": the state of a node is its last snapshot plus the inputs logged
 * after it, so whoever drives a node commits an input here before it carries out the effects.
 *
 * Every operation that resolved is durable; one that was rejected with RECORD_* changed nothing; one that was cut off by a crash or a
 * lost connection happened whole or not at all. Blobs (frames, snapshots, models) live elsewhere: rows hold their SHA-256.
 * Stores: SQLite and PostgreSQL (io/record), memory for the fault simulator. Not promised: protection against whoever can write the file.
 */
import type { Millis } from "./quantities.js";

/** Lower-case hex of a SHA-256; the name of a blob. */
export type Sha256 = string;

export type RunState = "running" | "paused" | "finished" | "failed";

export interface Snapshot {
  /** The last input it contains: 0 for the state before the first. */
  readonly seq: number;
  readonly blob: Sha256;
}

export interface RunRow {
  readonly id: string;
  readonly federation: string;
  /** The node of the tree that keeps this record. */
  readonly node: string;
  /** The signed plan's blob. */
  readonly plan: Sha256;
  readonly seed: number;
  readonly startedAt: Millis;
  readonly state: RunState;
  /** Why it failed, as one line. */
  readonly error?: string;
  readonly snapshot?: Snapshot;
}

export type InputKind = "start" | "message" | "parent" | "timer";

/** One input of a node, as it was given to its protocol at `at`. */
export interface LoggedInput {
  /** 1, 2, 3... without gaps within a run. */
  readonly seq: number;
  readonly at: Millis;
  readonly kind: InputKind;
  /** The member a message came from. */
  readonly from?: string;
  /** The frame. */
  readonly blob?: Sha256;
  /** What the sender calls this message, for example "round:attempt"; kept for people, not compared. */
  readonly key?: string;
}

export interface RoundRow {
  readonly run: string;
  readonly round: number;
  readonly attempt: number;
  readonly closedAt: Millis;
  /** The node's model after the round; a relay that only adds up keeps none. */
  readonly model?: Sha256;
  readonly loss: number;
  readonly members: number;
  readonly weight: number;
  /** `Inclusion[]` of src/round/node.ts, kept as JSON. */
  readonly included: readonly unknown[];
  readonly excluded: readonly { readonly site: string; readonly reason: string }[];
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** A round as it is read back. */
export interface ClosedRow extends RoundRow {
  /** 1, 2, 3... in the order in which rounds of the run were closed; a round that was closed in two attempts is there twice. */
  readonly ordinal: number;
}

/** `admin` federation-admin, `operator` org-admin, `auditor` reads, `aggregator` a relay. */
export type Role = "admin" | "operator" | "scientist" | "auditor" | "aggregator" | "site" | "witness";
export type MemberState = "invited" | "active" | "revoked";

export interface MemberRow {
  /** Unique in the federation; the last part of its SPIFFE id. */
  readonly name: string;
  readonly org: string;
  readonly role: Role;
  readonly state: MemberState;
  /** SHA-256 of the public key in use. */
  readonly spki?: Sha256;
  /** Of the certificate in use. */
  readonly serial?: string;
  /** PEM. */
  readonly certificate?: string;
  readonly expiresAt?: Millis;
  readonly enrolledAt?: Millis;
  readonly revokedAt?: Millis;
  readonly revokedBy?: string;
  readonly reason?: string;
  readonly lastSeen?: Millis;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Several per member, so that the old one stays good while the new one is rolled out. */
export interface CertificateRow {
  readonly serial: string;
  readonly member: string;
  readonly spki: Sha256;
  readonly notBefore: Millis;
  readonly notAfter: Millis;
  readonly revokedAt?: Millis;
}

/** An invitation: bound to a name and role, good once. The token itself is never stored. */
export interface TokenRow {
  readonly hash: Sha256;
  readonly name: string;
  readonly org: string;
  readonly role: Role;
  readonly expiresAt: Millis;
  readonly createdBy: string;
  readonly usedAt?: Millis;
  /** SHA-256 of the public key it was used for. */
  readonly usedBy?: Sha256;
}

/** A repeat for the same key is granted again: the answer to the first may have been lost. */
export type TokenUse =
  | { readonly granted: true; readonly token: TokenRow }
  | { readonly granted: false; readonly reason: "unknown" | "expired" | "used" };

export interface AuditEntry {
  readonly at: Millis;
  /** A member's name, or "local" for whoever is at the machine, or "system". */
  readonly actor: string;
  readonly action: string;
  readonly target?: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface AuditRow extends AuditEntry {
  /** 1, 2, 3... without gaps. */
  readonly seq: number;
}

export type ReleaseState = "candidate" | "released" | "withdrawn";

/** One version of the federation's model, and where it comes from. */
export interface ReleaseRow {
  readonly federation: string;
  /** Grows within a federation; a plant refuses one that is older than what it has. */
  readonly version: number;
  readonly run: string;
  readonly round: number;
  readonly model: Sha256;
  readonly bundle: Sha256;
  /** The signature over it (DSSE). */
  readonly envelope: Sha256;
  /** Names of everyone included in some round of the run. */
  readonly members: readonly string[];
  readonly plan: Sha256;
  /** By member: a fingerprint of its training data, as it told. */
  readonly dataFingerprints: Readonly<Record<string, string>>;
  readonly createdAt: Millis;
  readonly state: ReleaseState;
  readonly releasedBy?: string;
  readonly releasedAt?: Millis;
  /** Names or roles ("role:auditor") that may read it; without the list, every member. */
  readonly readers?: readonly string[];
}

/** The right to act for `name`. Each new holder gets a larger token; a commit under a smaller one is refused. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly token: number;
  readonly until: Millis;
}

export interface Fence {
  readonly name: string;
  readonly token: number;
}

/** A message for another engine (NATS), written with the change it tells of and published afterwards, perhaps more than once. */
export interface OutboxEntry {
  readonly id: string;
  readonly topic: string;
  /** What it is about: a blob's hash, a run and round. Never the payload. */
  readonly ref: string;
  readonly createdAt: Millis;
}

export interface OutboxRow extends OutboxEntry {
  readonly publishedAt?: Millis;
  /** Its work is known to be done; until then it may have to be published again. */
  readonly doneAt?: Millis;
}

/** What is committed together with a change, or not at all. */
export interface Also {
  /** Refused with RECORD_FENCED when the lease has passed to another holder. */
  readonly fence?: Fence;
  readonly audit?: readonly AuditEntry[];
  /** One whose id is there already is skipped. */
  readonly outbox?: readonly OutboxEntry[];
}

/** A part of a list: what comes after `after`, at most `limit` (default 100, at most 1,000) of them. */
export interface Page {
  readonly after?: number;
  readonly limit?: number;
}

export interface RecordFault {
  /** Table and key. */
  readonly where: string;
  readonly fault: string;
}

/** How many rows each table may hold before a write is refused with LIMIT_EXCEEDED. */
export interface RecordLimits {
  /** Logged inputs of one run since its last snapshot. */
  readonly inputs: number;
  readonly members: number;
  /** Tokens not used yet. */
  readonly tokens: number;
  /** Nonces of one member that have not expired. */
  readonly nonces: number;
  /** Outbox entries not done. */
  readonly outbox: number;
  /** Characters of one JSON column. */
  readonly json: number;
}

/**
 * Errors: RECORD_FENCED (another writer was here), RECORD_CONFLICT (the row is there and says something else, or the change is not allowed
 * from its state), RECORD_MISSING (no such run, member, release), RECORD_INVALID (a value that no store can keep), LIMIT_EXCEEDED: nothing
 * was changed. RECORD_UNAVAILABLE (no answer, a full disk): whether the change was made is known only by reading again.
 */
export interface RecordStore {
  readonly kind: "sqlite" | "postgres" | "memory";
  readonly limits: RecordLimits;

  /** Nothing happens where the same run is there already. */
  readonly createRun: (row: RunRow, also?: Also) => Promise<void>;
  readonly run: (id: string) => Promise<RunRow | undefined>;
  /** By start, newest first. */
  readonly runs: (limit?: number) => Promise<readonly RunRow[]>;
  /** "finished" and "failed" are final. */
  readonly setRunState: (id: string, state: RunState, error?: string, also?: Also) => Promise<void>;

  /** The last input of a run, logged or in its snapshot: 0 before the first. The next one to append is this plus one. */
  readonly lastInput: (run: string) => Promise<number>;
  /** Durable when resolved. RECORD_FENCED unless the first `seq` is the last one plus one. */
  readonly appendInputs: (run: string, inputs: readonly LoggedInput[], also?: Also) => Promise<void>;
  /** In order; read in pages, so a long log takes little memory. */
  readonly inputs: (run: string, after: number) => AsyncIterable<LoggedInput>;
  /** In one step: the row, the snapshot, and the logged inputs up to `snapshot.seq` are dropped. The same again changes nothing. */
  readonly closeRound: (run: string, row: RoundRow, snapshot: Snapshot, also?: Also) => Promise<void>;
  /** As closeRound, without a row; refused with RECORD_FENCED when it is older than the one that is there or newer than the log. */
  readonly saveSnapshot: (run: string, snapshot: Snapshot, also?: Also) => Promise<void>;
  /** In the order of closing; `after` is an ordinal. */
  readonly rounds: (run: string, page?: Page) => Promise<readonly ClosedRow[]>;

  /** By name. */
  readonly members: () => Promise<readonly MemberRow[]>;
  readonly member: (name: string) => Promise<MemberRow | undefined>;
  /** Adds or replaces (`lastSeen` never goes back). A revoked member can be invited again, not made active: it needs a new token. */
  readonly putMember: (row: MemberRow, also?: Also) => Promise<void>;
  /** In one step: the member, all its certificates, its unused tokens, and an audit row "revoke". Twice is once. */
  readonly revokeMember: (name: string, by: string, reason: string, at: Millis, also?: Also) => Promise<void>;
  /** Seen now; unknown names are passed over. */
  readonly touch: (names: readonly string[], at: Millis) => Promise<void>;

  readonly putCertificate: (row: CertificateRow, also?: Also) => Promise<void>;
  readonly certificate: (serial: string) => Promise<CertificateRow | undefined>;
  /** Of one member, newest first. */
  readonly certificates: (member: string) => Promise<readonly CertificateRow[]>;
  readonly revokeCertificate: (serial: string, at: Millis, also?: Also) => Promise<void>;
  /** Serials that are revoked and would otherwise still be good at `now`: what a revocation list holds. */
  readonly revoked: (now: Millis) => Promise<readonly CertificateRow[]>;

  readonly putToken: (row: TokenRow, also?: Also) => Promise<void>;
  /** Uses it up for one public key; of two at once, one is granted. */
  readonly useToken: (hash: Sha256, spki: Sha256, now: Millis, also?: Also) => Promise<TokenUse>;
  /** Tokens not used and not expired, without limit on who asks: the caller's roles decide. */
  readonly tokens: (now: Millis) => Promise<readonly TokenRow[]>;

  /** True the first time; false for a replay before `expiresAt`. Forgets what has expired. */
  readonly useNonce: (member: string, nonce: string, expiresAt: Millis, now: Millis) => Promise<boolean>;

  readonly audit: (entry: AuditEntry) => Promise<void>;
  readonly auditLog: (page?: Page) => Promise<readonly AuditRow[]>;

  /** The version must be larger than every one there; the same row again changes nothing. */
  readonly putRelease: (row: ReleaseRow, also?: Also) => Promise<void>;
  readonly release: (federation: string, version: number) => Promise<ReleaseRow | undefined>;
  /** By version; `after` is a version. */
  readonly releases: (federation: string, page?: Page) => Promise<readonly ReleaseRow[]>;
  /** candidate -> released -> withdrawn, candidate -> withdrawn; nothing else. */
  readonly setReleaseState: (
    federation: string,
    version: number,
    state: ReleaseState,
    by: string,
    at: Millis,
    also?: Also,
  ) => Promise<void>;

  /** Takes or prolongs the right to act for `name`; undefined while another holder has it. */
  readonly lease: (name: string, holder: string, until: Millis, now: Millis) => Promise<Lease | undefined>;
  /** Gives it back; nothing happens when it has passed on. */
  readonly endLease: (lease: Lease) => Promise<void>;

  /** Entries not published, or published before `publishedBefore` and not done: oldest first. */
  readonly outbox: (publishedBefore: Millis, limit?: number) => Promise<readonly OutboxRow[]>;
  readonly markPublished: (ids: readonly string[], at: Millis) => Promise<void>;
  readonly markDone: (ids: readonly string[], at: Millis, also?: Also) => Promise<void>;

  /** A small value by name (at most 64 kB), for what has no table. */
  readonly setting: (name: string) => Promise<string | undefined>;
  readonly putSetting: (name: string, value: string, also?: Also) => Promise<void>;

  /** Every blob that some row names, in order of hash, without repeats: what a collector of blobs must keep. */
  readonly blobs: () => AsyncIterable<Sha256>;
  /** Forgets expired nonces, tokens that expired before `before`, outbox entries done before it. */
  readonly prune: (before: Millis, now: Millis) => Promise<void>;
  /** Reads everything and reports what contradicts itself; empty when sound. */
  readonly check: () => Promise<readonly RecordFault[]>;
  readonly close: () => Promise<void>;
}
