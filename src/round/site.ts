/**
 * The site's side of the conversation, without I/O. It answers each question and trains each round once; a question that is
 * repeated gets the kept reply, so that a lost or doubled message costs nothing and changes nothing.
 */
import type { Protocol } from "../core/protocol.js";
import { keyOf, type Message } from "./messages.js";

export interface SiteState {
  readonly site: string;
  /** What is being worked on, by key. */
  readonly working: ReadonlySet<string>;
  /** The latest replies, newest last. A coordinator only ever repeats its latest question, so a few are enough. */
  readonly replies: readonly Message[];
}

export type SiteInput =
  | { readonly type: "message"; readonly message: Message }
  /** The work for a question or a round is done; `reply` is an answer, an update or a refusal. */
  | { readonly type: "worked"; readonly reply: Message };

export type SiteEffect =
  | { readonly type: "send"; readonly message: Message }
  | { readonly type: "work"; readonly request: Extract<Message, { type: "ask" | "train" }> };

const keptReplies = 4;

export function newSite(site: string): SiteState {
  return { site, working: new Set(), replies: [] };
}

export const siteProtocol: Protocol<SiteState, SiteInput, SiteEffect> = {
  step(state, input) {
    if (input.type === "worked") {
      const key = keyOf(input.reply);
      if (!state.working.has(key)) return [state, []];
      const working = new Set(state.working);
      working.delete(key);
      // A question that could not be answered is tried again when it is asked again: what was missing may have been mended.
      const kept = input.reply.type === "refuse" && key.startsWith("exchange ") ? [] : [input.reply];
      return [{ ...state, working, replies: [...state.replies, ...kept].slice(-keptReplies) }, [{ type: "send", message: input.reply }]];
    }
    const { message } = input;
    if (message.type !== "ask" && message.type !== "train") return [state, []];
    const key = keyOf(message);
    const kept = state.replies.find((reply) => keyOf(reply) === key);
    if (kept !== undefined) return [state, [{ type: "send", message: kept }]];
    if (state.working.has(key)) return [state, []];
    return [{ ...state, working: new Set(state.working).add(key) }, [{ type: "work", request: message }]];
  },
};
