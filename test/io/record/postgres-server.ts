/** A PostgreSQL server of our own in a temporary folder, reached by its socket there; nothing of the machine's own server is touched. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { scratch } from "./scratch.js";

export const needsPostgres = "(needs PostgreSQL: apt-get install postgresql, or set MILLWRIGHT_POSTGRES to its folder of programs)";

/** The folder with initdb and postgres, or undefined. */
export function postgresPrograms(): string | undefined {
  const named = process.env.MILLWRIGHT_POSTGRES;
  if (named !== undefined && named !== "") return existsSync(join(named, "initdb")) ? named : undefined;
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root).sort((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(root, version, "bin")).find((folder) => existsSync(join(folder, "initdb")));
}

export interface PostgresServer {
  readonly folder: string;
  /** Makes an empty database and returns its URL. */
  readonly database: () => Promise<string>;
  /** One database that is used again and again: its tables are kept, their rows are gone. */
  readonly emptied: () => Promise<string>;
  /** As a power cut: no shutdown, then a start from what is on the disk. */
  readonly crash: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error(needsPostgres);
  // The server refuses root.
  const as = userInfo().uid === 0 ? account() : {};
  const folder = mkdtempSync(join(scratch(), "mw-pg-"));
  if (as.uid !== undefined && as.gid !== undefined) chownSync(folder, as.uid, as.gid);
  const data = join(folder, "data");
  const init = (...locale: string[]) =>
    execFileSync(join(programs, "initdb"), ["-D", data, "-U", "millwright", "-A", "trust", "-E", "UTF8", "--no-sync", ...locale], {
      ...as,
      cwd: folder,
      stdio: "pipe",
    });
  try {
    // A language's order of letters, so that a list which ought to go by bytes would be seen to go wrong.
    init("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en");
  } catch {
    rmSync(data, { recursive: true, force: true });
    init("--locale=C.UTF-8");
  }
  const url = (database: string) => `postgres://millwright@localhost/${database}?host=${encodeURIComponent(folder)}`;
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(join(programs, "postgres"), ["-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "max_connections=60"], {
      ...as,
      cwd: folder,
      stdio: "ignore",
    });
    for (let tries = 0; ; tries += 1) {
      const client = new pg.Client({ connectionString: url("postgres") });
      try {
        await client.connect();
        await client.end();
        return child;
      } catch (error) {
        if (tries > 300 || child.exitCode !== null) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  let server = await start();
  const end = (signal: NodeJS.Signals) =>
    new Promise<void>((resolve) => {
      if (server.exitCode !== null || server.signalCode !== null) return resolve();
      server.once("exit", () => resolve());
      server.kill(signal);
    });
  const ask = async (database: string, text: string): Promise<readonly Record<string, string>[]> => {
    const client = new pg.Client({ connectionString: url(database) });
    await client.connect();
    const { rows } = await client.query(text);
    await client.end();
    return rows;
  };
  let made = 0;
  const database = async () => {
    made += 1;
    await ask("postgres", `create database record_${made}`);
    return url(`record_${made}`);
  };
  let shared: string | undefined;
  return {
    folder,
    database,
    emptied: async () => {
      shared ??= await database();
      const name = new URL(shared).pathname.slice(1);
      const tables = await ask(name, "select tablename from pg_tables where schemaname = 'public' and tablename <> 'schema_version'");
      if (tables.length > 0) await ask(name, tables.map((row) => `delete from "${row.tablename}"`).join(";"));
      return shared;
    },
    crash: async () => {
      // SIGQUIT is PostgreSQL's "immediate" stop: children die at once, nothing is written, recovery on the next start.
      await end("SIGQUIT");
      server = await start();
    },
    stop: async () => {
      await end("SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function account(): { readonly uid?: number; readonly gid?: number } {
  for (const name of ["postgres", "nobody"]) {
    try {
      const number = (flag: string) => Number(execFileSync("id", [flag, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
      return { uid: number("-u"), gid: number("-g") };
    } catch {
      // The next one.
    }
  }
  return {};
}
