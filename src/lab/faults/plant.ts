/**
 * A plant in one life of its machine: the product's journal, sealed blobs, outbox, site node and member over the simulated disk and network.
 * The policy permits everything; the plan is opened and held to the last one accepted as src/edge/plant.ts does.
 */
import { MillwrightError } from "../../core/errors.js";
import { type Keep, openKeep } from "../../edge/keep.js";
import { createMember, type Member, type MemberEvent } from "../../edge/member.js";
import { createSiteNode } from "../../edge/site-node.js";
import { sha256 } from "../../io/crypto/keys.js";
import { openPlan } from "../../io/crypto/plan-envelope.js";
import { fileBlobs } from "../../io/store/blobs.js";
import { openJournal } from "../../io/store/journal.js";
import { storeKey } from "../../io/store/key.js";
import type { Message, Request } from "../../round/messages.js";
import type { Life } from "./machine.js";
import type { Network } from "./network.js";
import type { Plans } from "./plans.js";
import { linkOf, type Routes } from "./routes.js";
import type { Variant } from "./variant.js";

export interface PlantParts {
  readonly life: Life;
  readonly parent: string;
  readonly network: Network<Routes>;
  readonly plans: Plans;
  readonly variant: Variant;
  readonly work: (request: Request) => Message;
  /** How long the work takes, in ms. */
  readonly takes: (request: Request) => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly events: {
    readonly opened: (keep: Keep) => void;
    /** A line of the journal is durable. */
    readonly written: (line: Uint8Array) => void;
    readonly left: (key: string, frame: { readonly sha256: string; readonly bytes: Uint8Array }) => void;
    readonly planned: (sequence: number) => void;
    readonly event: (event: MemberEvent) => void;
    readonly size: (journal: number) => void;
  };
}

const key = storeKey(new Uint8Array(32).fill(9));
/** How long a plan that was refused is left alone. */
const refusedPause = 60_000;

export async function runPlant(parts: PlantParts): Promise<void> {
  const { life, network, plans, variant, events } = parts;
  const { clock, disk, secret } = life;
  const opened = await openJournal({ disk, key, random: secret });
  const watched = {
    ...opened,
    async append(records: Parameters<typeof opened.append>[0]) {
      const seq = await opened.append(records);
      for (const record of records instanceof Uint8Array ? [records] : records) events.written(record);
      events.size(opened.size());
      return seq;
    },
  };
  const journal = variant.journal?.(watched) ?? watched;
  const blobs = await fileBlobs(disk, { sealed: { key, random: secret } });
  const bare = await openKeep(journal, blobs, clock);
  events.opened(bare);
  const keep = variant.keep?.(bare) ?? bare;
  const plain = linkOf(network, life, parts.parent, events.left);
  const link = variant.link?.(plain) ?? plain;
  const never = new AbortController().signal;

  while (life.alive()) {
    const plan = await currentPlan();
    if (plan === undefined) continue;
    if (keep.plans().at(-1)?.plan !== plan.sha256)
      await keep.plan({ federation: plan.federation, plan: plan.sha256, sequence: plan.sequence, permit: true });
    events.planned(plan.sequence);
    let member: Member | undefined;
    const node = await createSiteNode({
      site: life.name,
      keep,
      decide: async () => ({ permit: true, rule: "none", reason: "" }) as never,
      async work(request) {
        await parts.sleep(parts.takes(request));
        return life.alive() ? parts.work(request) : new Promise<never>(() => undefined);
      },
      describe: (request) => ({ what: request.type, meaning: "a simulated reply" }),
      digest: sha256,
      send: (reply) => member?.send(reply),
      halted: life.halt,
      log: () => {},
    });
    member = createMember({
      link,
      clock,
      random: () => life.random.float(),
      worker: node,
      plan: plan.sha256,
      log: events.event,
      acknowledged: node.acknowledged,
      once: false,
      signal: never,
    });
    await member.run();
  }

  async function currentPlan() {
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await link.plan(never));
      const last = keep
        .plans()
        .filter((one) => one.permit)
        .at(-1);
      const { plan, sha256: digest } = openPlan(text, {
        keys: [plans.trusted],
        federation: plans.current.plan.federation,
        now: clock.now(),
        ...(last === undefined ? {} : { last: { sequence: last.sequence, sha256: last.plan } }),
      });
      return { sequence: plan.sequence, federation: plan.federation, sha256: digest };
    } catch (error) {
      const refused = error instanceof MillwrightError && !error.code.startsWith("TRANSPORT_");
      await parts.sleep(refused ? refusedPause : 500 + life.random.integer(2000));
      return undefined;
    }
  }
}
