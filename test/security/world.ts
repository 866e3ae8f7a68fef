/** A real coordinator on loopback with members of every role, each with a key and certificate of its own. Nothing is stood in for. */
import { request as rawRequest } from "node:https";
import { nodeOf } from "../../src/coordinator/node.js";
import { membersOf } from "../../src/coordinator/plan-members.js";
import { type Coordinator, startCoordinator } from "../../src/coordinator/program.js";
import type { BlobStore } from "../../src/core/blobs.js";
import { MillwrightError } from "../../src/core/errors.js";
import { millis } from "../../src/core/quantities.js";
import type { RecordStore } from "../../src/core/record.js";
import type { RequestSigner, Role } from "../../src/core/route.js";
import type { SitePart } from "../../src/data/pipeline.js";
import { httpsLink } from "../../src/edge/https-link.js";
import type { Identity } from "../../src/edge/identity.js";
import { systemClock } from "../../src/io/clock.js";
import { factsOf, readCertificate } from "../../src/io/crypto/certificate.js";
import { enrol } from "../../src/io/crypto/enrol.js";
import { exportPrivateKey, generateKey, sha256 } from "../../src/io/crypto/keys.js";
import { type SignedPlan, signPlan } from "../../src/io/crypto/plan-envelope.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { readToken } from "../../src/io/crypto/token.js";
import type { Trust } from "../../src/io/crypto/trust.js";
import { memoryDisk } from "../../src/io/disk/memory.js";
import { memoryRecord } from "../../src/io/record/memory.js";
import { memoryBlobs } from "../../src/io/store/blobs-memory.js";
import { type Ask, httpsClient } from "../../src/io/transport/client.js";
import { refusedOf } from "../../src/io/transport/network-errors.js";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { kernelVersion } from "../../src/kernels/instance.js";
import { setUp } from "../../src/lab/setup.js";
import { type FederationFile, parseFederation } from "../../src/round/file.js";
import { decodeMessage, encodeMessage, type Message, type Request } from "../../src/round/messages.js";
import { createSiteWork } from "../../src/round/site-work.js";
import { smallFederation } from "../support/small-federation.js";

export const executor = inlineExecutor();

/** Two rounds of a small model over three sites; their names come with the data. */
export const file: FederationFile = parseFederation({ ...smallFederation, model: { use: "mlp", hidden: [4] }, rounds: 2 });

export interface Logged {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface World {
  readonly coordinator: Coordinator;
  readonly record: RecordStore;
  readonly blobs: BlobStore;
  readonly logged: readonly Logged[];
  readonly halted: readonly unknown[];
  readonly sites: readonly string[];
  readonly parts: readonly SitePart[];
  readonly plan: { readonly text: string; readonly sha256: string; readonly plan: SignedPlan };
  readonly join: (name: string, role?: Role, org?: string) => Promise<Member>;
  readonly disk: ReturnType<typeof memoryDisk>;
  readonly ended: Promise<string>;
  readonly close: () => Promise<void>;
}

export interface Member {
  readonly identity: Identity;
  readonly token: string;
  readonly client: ReturnType<typeof httpsClient>;
  /** The answer, or the code of the refusal. */
  readonly ask: (
    ask: Ask,
  ) => Promise<{ readonly code: string; readonly status: number; readonly json?: unknown; readonly bytes?: Uint8Array }>;
  readonly next: (
    have?: string,
  ) => Promise<{ readonly task?: { readonly key: string; readonly sha256: string; readonly size: number }; readonly state: string }>;
  readonly fetch: () => Promise<Request>;
  readonly reply: (message: Message, key: string) => Promise<string>;
  /** Training examples, once they were cut. */
  readonly examples: () => number;
  /** Answers whatever is asked now as an honest site does. */
  readonly work: () => Promise<string>;
}

let setup: Promise<readonly SitePart[]> | undefined;
export const partsOfFile = (): Promise<readonly SitePart[]> => {
  setup ??= setUp(file, { folder: "." }).then(({ parts }) => parts);
  return setup;
};

export async function world(
  options: { readonly automaticRelease?: boolean; readonly file?: Record<string, unknown>; readonly trust?: () => Trust } = {},
): Promise<World> {
  const parts = await partsOfFile();
  const sites = parts.map(({ site }) => site);
  const used = parseFederation({ ...JSON.parse(JSON.stringify(file)), ...options.file });
  const record = memoryRecord().open();
  const blobs = memoryBlobs();
  const disk = memoryDisk();
  const logged: Logged[] = [];
  const halted: unknown[] = [];
  let end: (state: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const closing: (() => unknown)[] = [];
  let signed: World["plan"] | undefined;
  const coordinator = await startCoordinator({
    ...{ disk, record, blobs, clock: systemClock, random: systemRandom, host: "127.0.0.1", port: 0, names: ["localhost"] },
    ...{ addresses: ["127.0.0.1"], federation: used.federation, name: "enterprise" },
    log: (level, event, fields) => logged.push({ level, event, fields }),
    async plan(home) {
      const plan: SignedPlan = {
        ...{ format: "millwright-plan/1", federation: used.federation, sequence: 1, notBefore: millis(systemClock.now() - 60_000) },
        ...{
          file: JSON.parse(JSON.stringify(used)),
          kernels: kernelVersion,
          plugins: {},
          members: membersOf(used, { org: "acme", sites }),
        },
      };
      const text = signPlan(plan, [home.planKey]);
      await blobs.put(new TextEncoder().encode(text));
      signed = { text, plan, sha256: sha256(text) };
      return signed;
    },
    node: (plan) => nodeOf(plan, "enterprise", "."),
    automaticRelease: options.automaticRelease ?? true,
    ...(options.trust === undefined ? {} : { trust: options.trust }),
    halted: (error) => halted.push(error),
    ended: (state) => end(state),
    memory: () => process.memoryUsage.rss(),
    processorSeconds: () => 0,
  });

  async function join(name: string, role: Role = "site", org = "acme"): Promise<Member> {
    const { token } = await coordinator.membership.createToken({ org, name, role, urls: [coordinator.url], by: "local" });
    const read = readToken(token);
    const key = generateKey("p256");
    const open = (tls: object, sign?: RequestSigner) => {
      const client = httpsClient({ url: coordinator.url, tls, clock: systemClock, env: {}, ...(sign === undefined ? {} : { sign }) });
      closing.push(() => client.close());
      return client;
    };
    const send = async ({ path, pin, json }: { path: string; pin: string; json: unknown }) =>
      (await open({ pin }).request({ method: "POST", path, json })).json;
    const enrolled = await enrol(read, key, send, systemClock.now);
    const keyPem = exportPrivateKey(key);
    const facts = factsOf(readCertificate(enrolled.certificate));
    const identity: Identity = {
      ...enrolled,
      ...{ federation: read.federation, org, name, role, urls: [coordinator.url], key, keyPem, facts },
    };
    const client = open({ key: keyPem, cert: enrolled.certificate, ca: enrolled.authority });
    const link = httpsLink(client);
    const signal = new AbortController().signal;
    const part = parts.find(({ site }) => site === name);
    const site = part === undefined ? undefined : createSiteWork({ site: name, part, file: used, seed: `${used.seed}/train`, executor });
    const ask: Member["ask"] = (one) => asked(client.request(one));
    const fetch = async () => {
      for (;;) {
        const { task, state } = await link.next({ waitMs: 5000 }, signal);
        if (task !== undefined) return decodeMessage(await link.fetch(task.sha256, task.size, signal)) as Request;
        if (state !== "running") throw new Error(`no task: ${state}`);
      }
    };
    const reply: Member["reply"] = async (message, key2) => {
      const bytes = encodeMessage(message);
      const path = `/v1/replies?key=${encodeURIComponent(key2)}`;
      const { code, json } = await ask({ method: "POST", path, bytes });
      return code === "answered" ? `counts: ${(json as { counts: boolean }).counts}` : code;
    };
    return {
      ...{ identity, token, client, ask, fetch, reply },
      examples: () => site?.facts()?.train ?? 0,
      next: (have) => link.next({ have, waitMs: 0 }, signal),
      async work() {
        const request = await fetch();
        if (site === undefined) throw new Error(`${name} has no rows`);
        const message = await site.work(request);
        return reply(
          message,
          request.type === "train" ? `round ${request.round} attempt ${request.attempt}` : `exchange ${request.exchange}`,
        );
      },
    };
  }
  return {
    ...{ coordinator, record, blobs, logged, halted, sites, parts, join, disk, ended },
    plan: signed as World["plan"],
    async close() {
      for (const one of closing.splice(0)) one();
      await coordinator.close();
    },
  };
}

/** What the server said: its answer, or the code and status of its refusal. */
export async function asked(request: ReturnType<ReturnType<typeof httpsClient>["request"]>): ReturnType<Member["ask"]> {
  try {
    const { status, json, bytes } = await request;
    return { code: "answered", status, json, ...(bytes === undefined ? {} : { bytes }) };
  } catch (error) {
    const refused = refusedOf(error);
    if (refused !== undefined) return { code: refused.body.code, status: refused.status };
    if (error instanceof MillwrightError) return { code: error.code, status: 0 };
    throw error;
  }
}

/** Sends these bytes as the body and says what came back, whatever the client library thinks of them. */
export function post(
  member: Pick<Member, "identity">,
  url: string,
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = { "content-type": "application/json" },
): Promise<{ readonly status: number; readonly code: string }> {
  const { keyPem: key, certificate: cert, authority: ca } = member.identity;
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const length = { "content-length": String(Buffer.byteLength(body)) };
    const sent = rawRequest(
      { host, port, path, method: "POST", key, cert, ca, agent: false, headers: { ...length, ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: answer.statusCode ?? 0, code: text === "" ? "" : (JSON.parse(text).code ?? "answered") });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
