/**
 * The record in memory, with the semantics of a disk that may lose its power: for the fault simulator, and for whoever wants no file. A change
 * that was acknowledged survives `crash`; one in flight happened whole or not at all, as `coin` says; whoever waited for it waits
 * for ever, as a dead process does. Nothing here waits for anything but `pause`, so a seeded clock and coin give the same history every time.
 */
import type { RecordLimits, RecordStore } from "../../core/record.js";
import { recordOver } from "./store.js";
import {
  type AnyCondition,
  type Condition,
  type Engine as Port,
  primaryKeys,
  type Query,
  type TableName,
  type Tables,
  type Writer,
} from "./tables.js";

export interface MemoryOptions {
  readonly limits?: Partial<RecordLimits>;
  /** Awaited before a change or a read is carried out, and again before a change is acknowledged: where a simulator lets time pass. */
  readonly pause?: (what: "read" | "write" | "ack") => Promise<void>;
  /** Whether a change in flight at a crash has happened. Without it, none has. */
  readonly coin?: () => boolean;
}

export interface MemoryRecord {
  /** A program's hold on the record. After a crash it answers nothing any more; take a new one. */
  readonly open: () => RecordStore;
  /** The program dies: see above. Resolves when what was in flight has been decided; no new hold may be used before. */
  readonly crash: () => Promise<void>;
}

type Row = Record<string, unknown>;
type State = Map<TableName, Map<string, Row>>;

/** A record, empty, that outlives the programs that use it. */
export function memoryRecord(options: MemoryOptions = {}): MemoryRecord {
  const state: State = new Map((Object.keys(primaryKeys) as TableName[]).map((table) => [table, new Map()]));
  const never = new Promise<never>(() => undefined);
  const pause = options.pause ?? (() => Promise.resolve());
  /** Changes are carried out one after the other, in the order in which their pause ended. */
  let queue: Promise<unknown> = Promise.resolve();
  let life = 0;
  /** Changes whose pause has not ended, in the order in which they were asked for. */
  const flight = new Set<() => Promise<unknown>>();

  const serial = <R>(work: () => Promise<R>): Promise<R> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };
  const transaction = async <R>(work: (rows: Writer) => Promise<R>): Promise<R> => {
    const undo: (() => void)[] = [];
    try {
      return await work(rowsOf(state, undo));
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  };

  const engine = (born: number): Port => ({
    kind: "memory",
    read: async (work) => {
      if (born !== life) return never;
      await pause("read");
      if (born !== life) return never;
      const result = await serial(() => work(rowsOf(state, [])));
      return born === life ? result : never;
    },
    write: async (_locks, work) => {
      if (born !== life) return never;
      const carryOut = () => serial(() => transaction(work));
      flight.add(carryOut);
      await pause("write");
      if (born !== life) return never;
      flight.delete(carryOut);
      try {
        const result = await carryOut();
        await pause("ack");
        return born === life ? result : await never;
      } catch (error) {
        if (born !== life) return never;
        throw error;
      }
    },
    check: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  });

  return {
    open: () => recordOver(engine(life), options.limits),
    crash: async () => {
      life += 1;
      const undecided = [...flight];
      flight.clear();
      for (const carryOut of undecided) {
        // A change that the store refuses has not happened either way.
        if (options.coin?.() === true) await carryOut().catch(() => undefined);
      }
      await queue;
    },
  };
}

function rowsOf(state: State, undo: (() => void)[]): Writer {
  const tableOf = (table: TableName) => state.get(table) as Map<string, Row>;
  const keyOf = (table: TableName, row: Row) => JSON.stringify((primaryKeys[table] as readonly string[]).map((column) => row[column]));
  const store = (table: TableName, key: string, row: Row | undefined) => {
    const rows = tableOf(table);
    const before = rows.get(key);
    undo.push(() => (before === undefined ? rows.delete(key) : rows.set(key, before)));
    if (row === undefined) rows.delete(key);
    else rows.set(key, row);
  };
  function* matching<T extends TableName>(table: T, where: readonly Condition<T>[]): Generator<[string, Row]> {
    for (const entry of tableOf(table)) if (where.every((condition) => holds(entry[1], condition))) yield entry;
  }
  return {
    get: async <T extends TableName>(table: T, key: Partial<Tables[T]>) => {
      const row = tableOf(table).get(keyOf(table, key as Row));
      return row === undefined ? undefined : ({ ...row } as Tables[T]);
    },
    find: async <T extends TableName>(table: T, query: Query<T>) => {
      const order: readonly string[] = query.order ?? primaryKeys[table];
      const sign = query.descending === true ? -1 : 1;
      const found = [...matching(table, query.where)].map(([, row]) => row);
      found.sort((one, other) => sign * compareBy(order, one, other));
      return found.slice(0, query.limit).map((row) => ({ ...row }) as Tables[T]);
    },
    count: async (table, where) => {
      let count = 0;
      for (const _ of matching(table, where)) count += 1;
      return count;
    },
    put: async (table, row) => store(table, keyOf(table, row as Row), { ...row }),
    add: async (table, rows) => {
      for (const row of rows) store(table, keyOf(table, row as Row), { ...row });
    },
    set: async (table, where, values) => {
      for (const [key, row] of [...matching(table, where)]) store(table, key, { ...row, ...values });
    },
    remove: async (table, where) => {
      for (const [key] of [...matching(table, where)]) store(table, key, undefined);
    },
  };
}

function compareBy(columns: readonly string[], one: Row, other: Row): number {
  for (const column of columns) {
    const order = compare(one[column], other[column]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers by size, texts by code point, as the other stores order UTF-8 bytes. */
function compare(one: unknown, other: unknown): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  const left = [...String(one)];
  const right = [...String(other)];
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i += 1) {
    const step = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (step !== 0) return step;
  }
  return left.length - right.length;
}

function holds<T extends TableName>(row: Row, condition: Condition<T>): boolean {
  const [column, operator, asked] = condition as unknown as AnyCondition;
  const value = row[column];
  if (operator === "is null") return value === null;
  if (value === null) return false;
  if (operator === "is not null") return true;
  if (operator === "in") return (asked as readonly unknown[]).includes(value);
  if (operator === "=") return value === asked;
  if (operator === "!=") return value !== asked;
  const order = compare(value, asked);
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}
