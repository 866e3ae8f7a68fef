/** A mosquitto of our own on a free port of this machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { answers, freePort } from "../engine/nats-server.js";

export const needsMosquitto = "(needs MQTT: apt-get install mosquitto, npm install --prefix FOLDER mqtt, set MILLWRIGHT_ADAPTERS=FOLDER)";

const adapters = process.env.MILLWRIGHT_ADAPTERS ?? "";
const program = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"]
  .map((folder) => join(folder, "mosquitto"))
  .find((path) => existsSync(path));
export const hasMosquitto = program !== undefined && adapters !== "" && existsSync(join(resolve(adapters), "node_modules/mqtt"));

export interface Broker {
  readonly url: string;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function startMosquitto(): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), "mw-mqtt-"));
  const port = await freePort();
  const config = join(folder, "mosquitto.conf");
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nuser root\n`);
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(program as string, ["-c", config], { stdio: "ignore" });
    for (let tries = 0; !(await answers(port)); tries++) {
      if (tries > 200 || child.exitCode !== null) throw new Error("mosquitto does not start");
      await new Promise((done) => setTimeout(done, 25));
    }
  };
  const kill = async () => {
    const one = child;
    child = undefined;
    if (one === undefined || one.exitCode !== null) return;
    const ended = new Promise((done) => one.once("exit", done));
    one.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    url: `mqtt://127.0.0.1:${port}`,
    start,
    kill,
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Publisher {
  publishAsync(topic: string, text: string, options: { qos: 0 | 1 }): Promise<unknown>;
  endAsync(): Promise<void>;
}

export function publisher(url: string): Promise<Publisher> {
  const mqtt = createRequire(join(resolve(adapters), "package.json"))("mqtt") as { connectAsync(url: string): Promise<Publisher> };
  return mqtt.connectAsync(url);
}
