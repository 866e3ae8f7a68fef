/** The tables of the record in SQL, through Kysely: one implementation for SQLite and PostgreSQL. */
import { type Expression, type Kysely, type SqlBool, sql } from "kysely";
import {
  type AnyCondition,
  type Column,
  type Condition,
  primaryKeys,
  type Query,
  type Reader,
  type TableName,
  type Tables,
  type Writer,
} from "./tables.js";
import { storable } from "./values.js";

/** The same tables with names that are known only at run time; tables.ts keeps their types. */
export type Loose = Record<string, Record<string, unknown>>;
export type Db = Kysely<Loose>;

/** Rows inserted by one statement: 500 rows of 15 columns stay below SQLite's 32,766 parameters. */
const batch = 500;

export function rowsOf(db: Db): Writer {
  return { ...readerOf(db), ...writerOf(db) };
}

export function readerOf(db: Db): Reader {
  return {
    get: async <T extends TableName>(table: T, key: Partial<Tables[T]>) => {
      let query = db.selectFrom(table as string).selectAll();
      if (!Object.values(key).every(storable)) return undefined;
      for (const [column, value] of Object.entries(key)) query = query.where(column, "=", value);
      return (await query.executeTakeFirst()) as Tables[T] | undefined;
    },
    find: async <T extends TableName>(table: T, asked: Query<T>) => {
      let query = db.selectFrom(table as string).selectAll();
      for (const condition of asked.where) query = query.where(term(condition));
      for (const column of asked.order ?? (primaryKeys[table] as readonly Column<T>[])) {
        query = query.orderBy(column, asked.descending === true ? "desc" : "asc");
      }
      return (await query.limit(asked.limit).execute()) as unknown as readonly Tables[T][];
    },
    count: async <T extends TableName>(table: T, where: readonly Condition<T>[]) => {
      let query = db.selectFrom(table as string).select(sql<number>`count(*)`.as("n"));
      for (const condition of where) query = query.where(term(condition));
      return Number((await query.executeTakeFirstOrThrow()).n);
    },
  };
}

function writerOf(db: Db): Omit<Writer, keyof Reader> {
  return {
    put: async (table, row) => {
      const into: string = table;
      const keys: readonly string[] = primaryKeys[table];
      const rest: Record<string, unknown> = Object.fromEntries(Object.entries(row).filter(([column]) => !keys.includes(column)));
      await db
        .insertInto(into)
        .values(row as Record<string, unknown>)
        .onConflict((conflict) => conflict.columns([...keys]).doUpdateSet(rest))
        .execute();
    },
    add: async (table, rows) => {
      for (let from = 0; from < rows.length; from += batch) {
        await db
          .insertInto(table)
          .values(rows.slice(from, from + batch) as readonly Record<string, unknown>[])
          .execute();
      }
    },
    set: async (table, where, values) => {
      for (const part of split(where)) {
        let query = db.updateTable(table as string).set(values as Record<string, unknown>);
        for (const condition of part) query = query.where(term(condition));
        await query.execute();
      }
    },
    remove: async (table, where) => {
      for (const part of split(where)) {
        let query = db.deleteFrom(table as string);
        for (const condition of part) query = query.where(term(condition));
        await query.execute();
      }
    },
  };
}

const operators = { "=": sql`=`, "!=": sql`<>`, "<": sql`<`, "<=": sql`<=`, ">": sql`>`, ">=": sql`>=` } as const;

function term<T extends TableName>(condition: Condition<T>): Expression<SqlBool> {
  const [column, operator, value] = condition as unknown as AnyCondition;
  const left = sql.ref(column);
  if (operator === "is null") return sql<SqlBool>`${left} is null`;
  if (operator === "is not null") return sql<SqlBool>`${left} is not null`;
  if (operator === "=" && !storable(value)) return sql<SqlBool>`1 = 0`;
  if (operator !== "in") return sql<SqlBool>`${left} ${operators[operator]} ${value}`;
  const list = (value as readonly unknown[]).filter(storable);
  return list.length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`${left} in (${sql.join([...list])})`;
}

/** A long list behind "in" becomes several statements, each below the limit of parameters. */
function split<T extends TableName>(where: readonly Condition<T>[]): readonly (readonly Condition<T>[])[] {
  const index = where.findIndex((condition) => condition[1] === "in");
  if (index < 0) return [where];
  const list = (where[index] as unknown as readonly [string, "in", readonly unknown[]])[2];
  const parts: (readonly Condition<T>[])[] = [];
  for (let from = 0; from < list.length; from += batch) {
    const some = [...where];
    some[index] = [(where[index] as Condition<T>)[0], "in", list.slice(from, from + batch)] as unknown as Condition<T>;
    parts.push(some);
  }
  return parts;
}
