/**
 * The tables of the coordinator's record, in types that SQLite and PostgreSQL share: text for names and hashes, whole numbers for
 * counts and milliseconds, JSON as text, null where nothing is known. The same rows are kept by the store in memory.
 */

export interface Tables {
  runs: {
    id: string;
    federation: string;
    node: string;
    plan: string;
    seed: number;
    started_at: number;
    state: string;
    error: string | null;
    snapshot_seq: number | null;
    snapshot_blob: string | null;
    /** The last input that was logged, also when a snapshot has replaced it since. */
    last_seq: number;
    /** Rounds closed so far. */
    closed: number;
  };
  inputs: { run: string; seq: number; at: number; kind: string; sender: string | null; blob: string | null; key: string | null };
  rounds: {
    run: string;
    ordinal: number;
    round: number;
    attempt: number;
    closed_at: number;
    model: string | null;
    loss: number;
    members: number;
    weight: number;
    included: string;
    excluded: string;
    bytes_up: number;
    bytes_down: number;
  };
  members: {
    name: string;
    org: string;
    role: string;
    state: string;
    spki: string | null;
    serial: string | null;
    certificate: string | null;
    expires_at: number | null;
    enrolled_at: number | null;
    revoked_at: number | null;
    revoked_by: string | null;
    reason: string | null;
    /** 0: never. */
    last_seen: number;
    meta: string;
  };
  certificates: { serial: string; member: string; spki: string; not_before: number; not_after: number; revoked_at: number | null };
  tokens: {
    hash: string;
    name: string;
    org: string;
    role: string;
    expires_at: number;
    created_by: string;
    used_at: number | null;
    used_by: string | null;
  };
  nonces: { member: string; nonce: string; expires_at: number };
  audit: { seq: number; at: number; actor: string; action: string; target: string | null; detail: string };
  releases: {
    federation: string;
    version: number;
    run: string;
    round: number;
    model: string;
    bundle: string;
    envelope: string;
    members: string;
    plan: string;
    fingerprints: string;
    created_at: number;
    state: string;
    released_by: string | null;
    released_at: number | null;
    readers: string | null;
  };
  leases: { name: string; holder: string; token: number; until_at: number };
  outbox: {
    id: string;
    position: number;
    topic: string;
    ref: string;
    created_at: number;
    /** 0: not yet. */
    published_at: number;
    /** 0: not yet. */
    done_at: number;
  };
  counters: { name: string; value: number };
  settings: { name: string; value: string };
}

export type TableName = keyof Tables;
export type Column<T extends TableName> = keyof Tables[T] & string;

/** The primary key of each table, which is also the order in which a list of it is read unless another is asked for. */
export const primaryKeys: { readonly [T in TableName]: readonly Column<T>[] } = {
  runs: ["id"],
  inputs: ["run", "seq"],
  rounds: ["run", "ordinal"],
  members: ["name"],
  certificates: ["serial"],
  tokens: ["hash"],
  nonces: ["member", "nonce"],
  audit: ["seq"],
  releases: ["federation", "version"],
  leases: ["name"],
  outbox: ["id"],
  counters: ["name"],
  settings: ["name"],
};

/** One condition on a column; null never fulfils a comparison. */
export type Condition<T extends TableName> = {
  [C in Column<T>]:
    | readonly [C, "=" | "!=" | "<" | "<=" | ">" | ">=", NonNullable<Tables[T][C]>]
    | readonly [C, "in", readonly NonNullable<Tables[T][C]>[]]
    | readonly [C, "is null"]
    | readonly [C, "is not null"];
}[Column<T>];

/** A condition whose column is known only at run time. */
export type AnyCondition = readonly [
  column: string,
  operator: "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "is null" | "is not null",
  value?: unknown,
];

export interface Query<T extends TableName> {
  /** All of them hold. */
  readonly where: readonly Condition<T>[];
  /** By these columns; the primary key unless given. */
  readonly order?: readonly Column<T>[];
  readonly descending?: boolean;
  readonly limit: number;
}

/**
 * What the record's logic needs of a store, within one transaction. Rows are whole; `put` adds or replaces by primary key. A reader sees the
 * same methods; those that write are refused by the type.
 */
export interface Reader {
  readonly get: <T extends TableName>(table: T, key: Partial<Tables[T]>) => Promise<Tables[T] | undefined>;
  readonly find: <T extends TableName>(table: T, query: Query<T>) => Promise<readonly Tables[T][]>;
  readonly count: <T extends TableName>(table: T, where: readonly Condition<T>[]) => Promise<number>;
}

export interface Writer extends Reader {
  readonly put: <T extends TableName>(table: T, row: Tables[T]) => Promise<void>;
  /** New rows; the caller knows that none of their keys is taken. */
  readonly add: <T extends TableName>(table: T, rows: readonly Tables[T][]) => Promise<void>;
  readonly set: <T extends TableName>(table: T, where: readonly Condition<T>[], values: Partial<Tables[T]>) => Promise<void>;
  readonly remove: <T extends TableName>(table: T, where: readonly Condition<T>[]) => Promise<void>;
}

/** A lock that a transaction takes before it reads; two that take the same name run one after the other, whoever runs them. */
export interface Lock {
  readonly name: string;
  /** Several may hold it at once, but none together with one that is not shared. */
  readonly shared?: true;
}

/** A store of these tables. */
export interface Engine {
  readonly kind: "sqlite" | "postgres" | "memory";
  /** What `work` reads is one state when `snapshot` is asked for. */
  readonly read: <R>(work: (rows: Reader) => Promise<R>, snapshot?: boolean) => Promise<R>;
  /** Durable when resolved; nothing of it happened when `work` throws. Locks are taken in the order given. */
  readonly write: <R>(locks: readonly Lock[], work: (rows: Writer) => Promise<R>) => Promise<R>;
  /** What the store itself can tell about its health. */
  readonly check: () => Promise<readonly { readonly where: string; readonly fault: string }[]>;
  readonly close: () => Promise<void>;
}
