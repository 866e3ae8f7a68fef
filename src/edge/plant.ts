/**
 * The plant's program: reads the signed plan, asks its owner's policy, and works for the coordinator until it is told to stop. It dials out
 * only. Everything it has told is in its journal; it may be killed at any instruction and goes on where it stood.
 */
import type { BlobStore } from "../core/blobs.js";
import { MillwrightError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import { type Millis, millis } from "../core/quantities.js";
import type { SitePart } from "../data/pipeline.js";
import { importPublicKey, sha256 } from "../io/crypto/keys.js";
import { checkKernels, openPlan, type SignedPlan } from "../io/crypto/plan-envelope.js";
import { kernelVersion } from "../kernels/instance.js";
import { type FederationFile, parseFederation } from "../round/file.js";
import type { Request } from "../round/messages.js";
import type { ModuleModelOf } from "../round/node-plan.js";
import { createSiteWork, type SiteWork } from "../round/site-work.js";
import type { Executor } from "../training/job.js";
import type { Identity } from "./identity.js";
import { type Keep, type KeepJournal, openKeep } from "./keep.js";
import type { Link } from "./link.js";
import { createMember, type Member, type MemberEvent } from "./member.js";
import { describe } from "./outbox.js";
import type { Policy } from "./policy.js";
import { type Decision, decide } from "./policy-decide.js";
import { historyOf, planFacts, requestFacts } from "./policy-facts.js";
import { createSiteNode, type SiteEvent } from "./site-node.js";

export interface PlantOptions {
  readonly identity: Identity;
  /** Whose plans are believed now; default: the keys of `identity`. A renewal may bring others that those endorsed. */
  readonly trust?: () => Identity["trust"];
  readonly link: Link;
  readonly journal: KeepJournal;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** Even in [0, 1), for jitter. */
  readonly random: () => number;
  readonly executor: Executor;
  /** Read anew before every decision, so that the owner can change it while the program runs. */
  readonly policy: () => Promise<{ readonly policy: Policy; readonly paused: boolean }>;
  /** The plant's rows for this plan; read when they are first needed. */
  readonly part: (file: FederationFile, plan: SignedPlan) => Promise<SitePart>;
  /** Modules of the plan, held to their hashes. */
  readonly module?: (file: FederationFile, plan: SignedPlan) => Promise<ModuleModelOf | undefined>;
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly log: (event: MemberEvent | SiteEvent | PlanEvent) => void;
  readonly halted: (error: unknown) => void;
}

export type PlanEvent = {
  readonly kind: "plan";
  readonly sha256: string;
  readonly sequence: number;
  readonly permit: boolean;
  readonly reason?: string;
};

export interface PlantStatus {
  readonly site: string;
  readonly federation: string;
  readonly waiting: { readonly what: string; readonly since: Millis };
}

export interface Plant {
  readonly run: () => Promise<"finished" | "failed" | "stopped">;
  readonly status: () => PlantStatus;
}

/** How long a plant whose policy refuses the plan waits before it looks at plan and policy again. */
const refusedPause = 60_000;

export async function createPlant(options: PlantOptions): Promise<Plant> {
  const { identity, clock, signal, log } = options;
  const keep = await openKeep(options.journal, options.blobs, clock);
  const trust = options.trust ?? (() => identity.trust);
  let waiting = { what: "the signed plan", since: clock.now() };
  let member: Member | undefined;

  function setWaiting(what: string): void {
    if (waiting.what !== what) waiting = { what, since: clock.now() };
  }

  async function pause(ms: number): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.at(millis(clock.now() + ms), end);
      signal.addEventListener("abort", end);
    });
  }

  /** The plan as it is now, verified; asks again for as long as it takes. */
  async function currentPlan(): Promise<{ readonly plan: SignedPlan; readonly sha256: string } | undefined> {
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        const text = new TextDecoder("utf-8", { fatal: true }).decode(await options.link.plan(signal));
        const accepted = keep
          .plans()
          .filter((one) => one.permit)
          .at(-1);
        const last = accepted === undefined ? undefined : { sequence: accepted.sequence, sha256: accepted.plan };
        const keys = trust().plan.map((pem) => importPublicKey(pem, "trusted plan key"));
        const opened = openPlan(text, { keys, federation: identity.federation, now: clock.now(), last });
        checkKernels(opened.plan, kernelVersion);
        return opened;
      } catch (error) {
        if (signal.aborted) return undefined;
        const unreachable = error instanceof MillwrightError && (error.code.startsWith("TRANSPORT_") || error.code === "SERVER_BUSY");
        const retryMs = Math.ceil(Math.min(60_000, 500 * (1 << Math.min(tries, 7))) * (0.5 + options.random() / 2));
        const reason = error instanceof Error ? error.message : String(error);
        if (unreachable) log({ kind: "unreachable", reason, retryMs });
        else log({ kind: "refused", code: error instanceof MillwrightError ? error.code : "INTERNAL", text: reason });
        setWaiting(`the signed plan: ${reason.slice(0, 200)}`);
        // A plan that does not hold will not hold in half a second: somebody has to sign another.
        await pause(unreachable ? retryMs : refusedPause);
      }
    }
    return undefined;
  }

  async function judge(plan: SignedPlan, digest: string, request: Request | undefined, bytes?: number): Promise<Decision> {
    const { policy, paused } = await options.policy();
    const under = plan.members.find((one) => one.name === identity.name)?.under;
    const file = parseFederation(plan.file);
    const cohort = plan.members.filter((one) => one.under === under).length;
    return decide(policy, {
      plan: planFacts(file, { sha256: digest, cohort, plugins: Object.values(plan.plugins) }),
      request: requestFacts(request ?? { type: "ask", exchange: 0, topic: "statistics", body: {} }, digest, under ?? "", bytes),
      history: historyOf(keep.outbox()),
      now: clock.now(),
      paused,
    });
  }

  async function runPlan(plan: SignedPlan, digest: string): Promise<"finished" | "failed" | "stopped" | "new plan"> {
    const file = parseFederation(plan.file);
    const work = lazily(options, file, plan, keep);
    const node = await createSiteNode({
      site: identity.name,
      keep,
      decide: (request, bytes) => judge(plan, digest, request, bytes),
      work: async (request) => (await work(request)).work(request),
      describe(request, reply) {
        const { what, meaning } = describe(reply, { request, epochs: file.training.epochs });
        return { what, meaning };
      },
      digest: sha256,
      send: (reply) => member?.send(reply),
      halted: options.halted,
      log,
    });
    member = createMember({
      link: options.link,
      clock,
      random: options.random,
      worker: node,
      plan: digest,
      log,
      acknowledged: node.acknowledged,
      once: options.once,
      signal,
    });
    return member.run();
  }

  return {
    status: () => ({ site: identity.name, federation: identity.federation, waiting: member?.waiting() ?? waiting }),
    async run() {
      while (!signal.aborted) {
        const opened = await currentPlan();
        if (opened === undefined) return "stopped";
        const { plan, sha256: digest } = opened;
        const decision = await judge(plan, digest, undefined);
        // A plan is judged by its terms; that the hour or a pause speaks against it now is for each request to meet.
        const refused = !decision.permit && decision.until === undefined && !(await options.policy()).paused ? decision : undefined;
        if (keep.plans().at(-1)?.plan !== digest || keep.plans().at(-1)?.permit === (refused !== undefined)) {
          await keep.plan({
            federation: plan.federation,
            plan: digest,
            sequence: plan.sequence,
            permit: refused === undefined,
            ...(refused === undefined ? {} : { reason: `${refused.rule}: ${refused.reason}` }),
          });
        }
        log({ kind: "plan", sha256: digest, sequence: plan.sequence, permit: refused === undefined, reason: refused?.reason });
        const ended = refused === undefined ? await runPlan(plan, digest) : undefined;
        if (ended !== undefined && ended !== "new plan") return ended;
        if (refused !== undefined) {
          setWaiting(`the owner: the policy refuses this plan (${refused.rule})`);
          await pause(refusedPause);
        }
      }
      return "stopped";
    },
  };
}

/** The site's work, made when it is first asked for: a plant that only waits holds no rows. */
function lazily(options: PlantOptions, file: FederationFile, plan: SignedPlan, keep: Keep): (request: Request) => Promise<SiteWork> {
  let made: Promise<SiteWork> | undefined;
  let prepared = false;
  async function make(): Promise<SiteWork> {
    const module = await options.module?.(file, plan);
    return createSiteWork({
      site: options.identity.name,
      part: await options.part(file, plan),
      file,
      seed: `${file.seed}/train`,
      executor: options.executor,
      ...(module === undefined ? {} : { module }),
    });
  }
  return async (request) => {
    made ??= make();
    // A fault of the data may be mended while the program runs: the next request tries again.
    made.catch(() => {
      made = undefined;
    });
    const work = await made;
    const needs = request.type === "train" || (request.topic !== "statistics" && request.topic !== "prepare");
    if (needs && !prepared && work.facts() === undefined) {
      // After a restart in the middle of a run: the examples are cut again, as they were.
      const body = await keep.lastPrepared();
      if (body !== undefined) await work.work({ type: "ask", exchange: 0, topic: "prepare", body });
    }
    prepared = prepared || needs;
    return work;
  };
}
