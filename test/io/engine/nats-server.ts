/** A nats-server of our own on a free port of this machine, with its store in a temporary folder that a test may delete. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

export const needsNats =
  "(needs NATS: apt-get install nats-server, npm install --prefix FOLDER @nats-io/transport-node @nats-io/jetstream, set MILLWRIGHT_ADAPTERS=FOLDER)";

const adapters = process.env.MILLWRIGHT_ADAPTERS ?? "";
const program = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"]
  .map((folder) => join(folder, "nats-server"))
  .find((path) => existsSync(path));
export const hasNats =
  program !== undefined &&
  adapters !== "" &&
  ["transport-node", "jetstream"].every((name) => existsSync(join(resolve(adapters), "node_modules/@nats-io", name)));

export interface NatsServer {
  readonly url: string;
  /** kill -9. */
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  /** Deletes everything that JetStream stored. The server must not run. */
  readonly wipe: () => void;
  readonly stop: () => Promise<void>;
}

export async function startNats(): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), "mw-nats-"));
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(program as string, ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder], { stdio: "ignore" });
    for (let tries = 0; !(await answers(port)); tries++) {
      if (tries > 200 || child.exitCode !== null) throw new Error("nats-server does not start");
      await new Promise((done) => setTimeout(done, 25));
    }
  }
  async function kill(): Promise<void> {
    const one = child;
    child = undefined;
    if (one === undefined || one.exitCode !== null) return;
    const ended = new Promise((done) => one.once("exit", done));
    one.kill("SIGKILL");
    await ended;
  }
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    kill,
    wipe: () => rmSync(join(folder, "jetstream"), { recursive: true, force: true }),
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => done(port));
    });
  });
}

export function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}
