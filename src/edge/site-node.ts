/**
 * A plant as a node: every request is decided on by the owner's policy, worked on once, and its reply written to the plant's own journal
 * before a byte of it leaves. After a restart the kept reply is said again, so a plant never answers one question in two ways.
 */
import { MillwrightError } from "../core/errors.js";
import { encodeMessage, keyOf, type Message, type Request } from "../round/messages.js";
import { newSite, type SiteEffect, type SiteState, siteProtocol } from "../round/site.js";
import type { Keep } from "./keep.js";
import type { Outgoing, Worker } from "./member.js";
import type { Decision } from "./policy-decide.js";

export interface SiteNodeOptions {
  readonly site: string;
  readonly keep: Keep;
  /** The owner's policy, asked before every question and every round, and again with the bytes before an answer leaves. */
  readonly decide: (request: Request, bytes?: number) => Promise<Decision>;
  readonly work: (request: Request) => Promise<Message>;
  /** What a reply says, for the outbox: written down with it. */
  readonly describe: (request: Request, reply: Message) => { readonly what: string; readonly meaning: string };
  readonly digest: (bytes: Uint8Array) => string;
  readonly send: (reply: Outgoing) => void;
  /** The journal could not be written: nothing may leave any more, the program has to end. */
  readonly halted: (error: unknown) => void;
  readonly log: (event: SiteEvent) => void;
}

export type SiteEvent =
  | { readonly kind: "working"; readonly key: string }
  | { readonly kind: "worked"; readonly key: string; readonly bytes: number }
  | { readonly kind: "denied"; readonly key: string; readonly rule: string; readonly reason: string }
  | { readonly kind: "fault"; readonly key: string; readonly code: string; readonly text: string };

/** Replies that are kept for repetition; a coordinator only ever repeats its latest question. */
const keptReplies = 4;

export async function createSiteNode(
  options: SiteNodeOptions,
): Promise<Worker & { readonly acknowledged: (key: string, counts: boolean) => Promise<void> }> {
  const { keep, log } = options;
  let state: SiteState = newSite(options.site);
  let doing: string | undefined;
  const frames = new Map<string, Outgoing>();
  for (const { key, bytes, sha256, message } of await keep.replies(keptReplies)) {
    state = { ...state, replies: [...state.replies, message] };
    frames.set(key, { key, bytes, sha256 });
  }

  function apply(effects: readonly SiteEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "work") {
        workOn(effect.request).catch((error) => options.halted(error));
        continue;
      }
      const key = keyOf(effect.message);
      const frame = frames.get(key);
      if (frame !== undefined) options.send(frame);
    }
  }

  async function workOn(request: Request): Promise<void> {
    const key = keyOf(request);
    doing = request.type === "train" ? `training ${key}` : `answering ${request.topic}`;
    log({ kind: "working", key });
    let reply = await answer(request);
    let bytes = encodeMessage(reply);
    if (reply.type !== "refuse") {
      const denied = await refusedBy(request, bytes.length);
      if (denied !== undefined) {
        reply = denied;
        bytes = encodeMessage(reply);
      }
    }
    const sha256 = options.digest(bytes);
    // First the journal, then the wire: what may have left is always written down.
    const action = reply.type === "refuse" ? "refuse" : request.type === "train" ? "train" : "answer";
    const about = request.type === "train" ? { round: request.round } : { topic: request.topic };
    await keep.reply({ key, sha256, bytes, message: reply, action, ...about, ...options.describe(request, reply) });
    if (request.type === "ask" && request.topic === "prepare" && reply.type === "answer") await keep.prepared(request.body);
    frames.set(key, { key, sha256, bytes });
    for (const old of [...frames.keys()].slice(0, -keptReplies)) frames.delete(old);
    doing = undefined;
    log({ kind: "worked", key, bytes: bytes.length });
    const [next, effects] = siteProtocol.step(state, { type: "worked", reply }, 0 as never);
    state = next;
    apply(effects);
  }

  const refuse = (key: string, code: string, text: string): Message => ({
    type: "refuse",
    answers: key,
    from: options.site,
    code,
    text: text.slice(0, 2000),
  });

  async function refusedBy(request: Request, size?: number): Promise<Message | undefined> {
    const key = keyOf(request);
    const decision = await options.decide(request, size);
    if (decision.permit) return undefined;
    log({ kind: "denied", key, rule: decision.rule, reason: decision.reason });
    await keep.decision({ key, permit: false, rule: decision.rule, reason: decision.reason });
    // The coordinator learns which term spoke, not what the plant knows that made it speak.
    return refuse(key, "POLICY_REFUSED", `the plant's policy: ${decision.rule}`);
  }

  async function answer(request: Request): Promise<Message> {
    const key = keyOf(request);
    try {
      return (await refusedBy(request)) ?? (await options.work(request));
    } catch (error) {
      if (error instanceof MillwrightError && error.code !== "FILE_UNWRITABLE" && !error.code.startsWith("STORE_")) {
        log({ kind: "fault", key, code: error.code, text: error.message });
        return refuse(key, error.code, error.message);
      }
      throw error;
    }
  }

  return {
    async receive({ message }) {
      if (message.type !== "ask" && message.type !== "train") {
        throw new MillwrightError("MESSAGE_INVALID", { where: "task", expected: "a question or a model", got: message.type });
      }
      const [next, effects] = siteProtocol.step(state, { type: "message", message }, 0 as never);
      state = next;
      apply(effects);
    },
    doing: () => doing,
    acknowledged: async (key, counts) => {
      try {
        await keep.sent({ key, counts });
      } catch (error) {
        options.halted(error);
        throw error;
      }
    },
  };
}
