/**
 * A federation of real processes on loopback: a region, facilities, plants, each with a data folder of its own, and a faulty link
 * (network-proxy.ts) between each child and its parent. Nodes are killed, stopped, cut off and started again by name; everything that was
 * started is ended by its number. `network-checks.ts` holds what has to be true afterwards.
 *
 * Invitations name the address of the link instead of the parent's own, which changes with every restart.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KitProcess, kitProcess } from "./network-process.js";
import { type Program, type Ran, runProgram } from "./network-program.js";
import { type LinkProxy, linkProxy } from "./network-proxy.js";

export interface Shape {
  /** Sites by facility. */
  readonly facilities: Readonly<Record<string, readonly string[]>>;
  readonly rounds: number;
  /** Deadline of a round and minimum share of children, of the whole file. */
  readonly deadline?: string;
  readonly minimum?: number;
  readonly attempts?: number;
  /** Anything else of the federation file. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Lines that are added to every site file. */
  readonly site?: Readonly<Record<string, unknown>>;
}

export interface KitNode extends KitProcess {
  readonly kind: "region" | "facility" | "plant";
  readonly parent?: string;
  readonly data: string;
  /** Its link to its parent. */
  readonly link?: LinkProxy;
}

export interface Network {
  readonly folder: string;
  readonly file: string;
  readonly nodes: ReadonlyMap<string, KitNode>;
  readonly node: (name: string) => KitNode;
  /** Every node that is not running, unless named in `without`. */
  readonly startAll: (without?: readonly string[]) => void;
  /** Waits until it is true. Errors after `limitMs` (default two minutes), with the end of every log. */
  readonly until: (what: string, holds: () => boolean | Promise<boolean>, limitMs?: number) => Promise<void>;
  /** Rounds that are closed in the log of a node. */
  readonly rounds: (name?: string) => number;
  /** The region ended its run: "finished" or "failed". */
  readonly over: () => "finished" | "failed" | undefined;
  /** A verb of the command, in the kit's folder. */
  readonly run: (...args: readonly string[]) => Promise<Ran>;
  /** Folder of a coordinator's administrator, for `--as`. It names the address of the first start; here it gets that of the last. */
  readonly admin: (name: string) => string;
  /** Which program a node runs from its next start on. */
  readonly use: (name: string, program: Program) => void;
  /** A command around a node's own, from its next start on: for limits and namespaces. */
  readonly wrap: (name: string, words: readonly string[]) => void;
  readonly stop: () => Promise<void>;
  /** Removes the folder, unless something failed and it is wanted. */
  readonly remove: () => void;
}

/** Where a node lives that has a network of its own: no link of the kit is used then. */
export interface Place {
  /** Words before its command. */
  readonly wrap: readonly string[];
  /** Address of its parent as it sees it. */
  readonly parentHost?: string;
  /** Its own addresses. */
  readonly hosts: readonly string[];
}

export const regionName = "region";
/** Of a node with a network of its own. */
const ownPort = 8443;

/** The federation file of a kit: a small fleet and a small model, so that a round takes a fraction of a second. */
export function fileOf({ facilities, rounds, deadline = "4s", minimum = 0.5, attempts = 100, more = {} }: Shape): Record<string, unknown> {
  const siteNames = Object.values(facilities).flat();
  return {
    federation: "kit",
    task: { kind: "failure", window: "24h", horizon: "24h", stride: "24h" },
    data: { use: "fleet", machines: 4 * siteNames.length, days: 45, sites: siteNames.length, siteNames },
    split: { by: "time", test: 0.4 },
    sites: { use: "by", column: "site" },
    model: { use: "mlp", hidden: [8] },
    training: {
      optimizer: { use: "adam", learningRate: 0.005 },
      loss: { use: "bce", positiveWeight: 30 },
      epochs: 1,
      batch: 32,
      clipNorm: 1,
    },
    rounds,
    average: { last: 3 },
    aggregate: { use: "mean" },
    tiers: Object.fromEntries(Object.entries(facilities).map(([name, children]) => [name, { children }])),
    quorum: { goal: 1, minimum, deadline, attempts },
    threshold: "max-f1",
    compare: { scenarios: ["federated"] },
    seed: 7,
    ...more,
  };
}

export async function openNetwork(
  program: Program,
  shape: Shape,
  options: { readonly folder?: string; readonly spaces?: ReadonlyMap<string, Place> } = {},
): Promise<Network> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "millwright-network-"));
  const logs = join(folder, "logs");
  mkdirSync(logs, { recursive: true });
  const file = join(folder, "federation.json");
  writeFileSync(file, JSON.stringify(fileOf(shape), null, 2));
  const programs = new Map<string, Program>();
  const wraps = new Map<string, readonly string[]>();
  const ports = new Map<string, number>();
  const nodes = new Map<string, KitNode>();

  const command = (name: string, args: readonly string[]): readonly string[] => [
    ...(wraps.get(name) ?? []),
    process.execPath,
    (programs.get(name) ?? program).main,
    ...args,
    "--log",
    "json",
  ];

  /** The invitation as the parent wrote it, with the link's address. Undefined while the parent has written none. */
  function tokenFor(name: string, parent: string, url: string): string | undefined {
    const path = join(folder, parent, "tokens", `${name}.token`);
    const own = join(folder, `${name}.token`);
    if (existsSync(path)) writeFileSync(own, at(readFileSync(path, "utf8").trim(), url));
    return existsSync(own) ? own : undefined;
  }

  /** A coordinator prints its address once members can connect; its children's links lead there from then on. */
  const serves = (name: string) => ({
    line(text: string) {
      const port = /^https:\/\/.*:(\d+)$/.exec(text)?.[1];
      if (port === undefined) return;
      ports.set(name, Number(port));
      aim(name, Number(port));
    },
    ended: () => aim(name, undefined),
  });
  function aim(name: string, port: number | undefined): void {
    for (const node of nodes.values()) if (node.parent === name) node.link?.point(port);
  }

  async function add(kind: KitNode["kind"], name: string, parent?: string): Promise<void> {
    const data = join(folder, name);
    const place = options.spaces?.get(name);
    const link = parent === undefined || place !== undefined ? undefined : await linkProxy();
    const common = { name, logs };
    const listen = place === undefined ? ["127.0.0.1", "0"] : ["0.0.0.0", String(ownPort)];
    const names = (place?.hosts ?? []).flatMap((host) => ["--name", host]);
    const address = ["--data", data, "--host", listen[0], "--port", listen[1], ...names];
    const url = place === undefined ? `https://127.0.0.1:${link?.port}` : `https://${place.parentHost}:${ownPort}`;
    const token = (): string | undefined => tokenFor(name, parent as string, url);
    if (place !== undefined) wraps.set(name, place.wrap);
    const made =
      kind === "region"
        ? kitProcess({ ...common, ...serves(name), command: () => command(name, ["serve", file, ...address, "--invite", "--once"]) })
        : kind === "facility"
          ? kitProcess({
              ...common,
              ...serves(name),
              command() {
                const file = token();
                return file === undefined
                  ? undefined
                  : command(name, ["serve", "--parent-token", `@${file}`, ...address, "--invite", "--once"]);
              },
            })
          : kitProcess({
              ...common,
              command() {
                const from = token();
                if (from === undefined) return undefined;
                return command(name, [
                  ...["join", url, "--site", join(folder, `${name}.yaml`), "--data", data],
                  ...["--token", `@${from}`, "--federation", file, "--once"],
                ]);
              },
            });
    if (kind === "plant") writeFileSync(join(folder, `${name}.yaml`), JSON.stringify({ site: name, data: "federation", ...shape.site }));
    nodes.set(name, { ...made, kind, parent, data, link });
  }

  await add("region", regionName);
  for (const [facility, plants] of Object.entries(shape.facilities)) {
    await add("facility", facility, regionName);
    for (const plant of plants) await add("plant", plant, facility);
  }
  const node = (name: string): KitNode => {
    const found = nodes.get(name);
    if (found === undefined) throw new Error(`the kit has no node ${name}`);
    return found;
  };
  const over = () => {
    const region = node(regionName);
    if (region.done()) return "finished" as const;
    return region.events("run.finished").length > 0 ? ("finished" as const) : region.code() === 5 ? ("failed" as const) : undefined;
  };

  return {
    folder,
    file,
    nodes,
    node,
    startAll(without = []) {
      for (const one of nodes.values()) if (!without.includes(one.name) && !one.running()) one.start();
    },
    async until(what, holds, limitMs = 120_000) {
      const end = performance.now() + limitMs;
      while (!(await holds())) {
        if (performance.now() > end) throw new Error(`waited in vain for ${what}\n${tails([...nodes.values()])}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    rounds: (name = regionName) =>
      node(name)
        .events("round.closed")
        .reduce((most, { round }) => Math.max(most, Number(round)), 0),
    over,
    run: (...args) => runProgram((programs.get(regionName) ?? program).main, args, folder),
    admin(name) {
      const as = join(node(name).data, "admin");
      const path = join(as, "identity/member.json");
      const member = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
      writeFileSync(path, JSON.stringify({ ...member, urls: [`https://127.0.0.1:${ports.get(name)}`] }));
      return as;
    },
    use: (name, next) => void programs.set(name, next),
    wrap: (name, words) => void wraps.set(name, words),
    async stop() {
      await Promise.all([...nodes.values()].map((one) => one.stop()));
      await Promise.all([...nodes.values()].map((one) => one.link?.close()));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The same invitation at another address. */
function at(token: string, url: string): string {
  const content = JSON.parse(Buffer.from(token.slice("mw1.".length), "base64url").toString("utf8")) as Record<string, unknown>;
  // Its keys are in the canonical order, and stay in it.
  return `mw1.${Buffer.from(JSON.stringify({ ...content, urls: [url] })).toString("base64url")}`;
}

function tails(nodes: readonly KitNode[]): string {
  return nodes.map((node) => `--- ${node.name} (${node.starts()} starts)\n${node.log().split("\n").slice(-12).join("\n")}`).join("\n");
}
