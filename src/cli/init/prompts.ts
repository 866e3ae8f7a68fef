/** Where questions are asked: a port, so that what is asked can be tested without a person; on a terminal by @clack/prompts. */
import type { Readable, Writable } from "node:stream";
import { cancel, isCancel, select, text } from "@clack/prompts";

export interface Choice<V extends string> {
  readonly value: V;
  readonly label: string;
  readonly hint?: string;
}

/** Both questions answer undefined where the person gave up. */
export interface Prompts {
  readonly choose: <V extends string>(message: string, choices: readonly Choice<V>[], proposal: V) => Promise<V | undefined>;
  /** `wrong` says what is the matter with an answer, or undefined where it will do. */
  readonly type: (message: string, proposal: string, wrong?: (answer: string) => string | undefined) => Promise<string | undefined>;
  /** The last word of a conversation that ends without a file. */
  readonly stop: (message: string) => void;
}

/** Lines of a list that are shown at once. */
const listed = 12;

/** Asks on a terminal; without streams, on that of the process. */
export function terminalPrompts(input?: Readable, output?: Writable): Prompts {
  const streams = { ...(input !== undefined && { input }), ...(output !== undefined && { output }) };
  return {
    async choose(message, choices, proposal) {
      const answer = await select<string>({ message, options: [...choices], initialValue: proposal, maxItems: listed, ...streams });
      return isCancel(answer) ? undefined : (answer as typeof proposal);
    },
    async type(message, proposal, wrong) {
      const validate = wrong === undefined ? {} : { validate: (value: string | undefined) => wrong(value ?? "") };
      const answer = await text({ message, initialValue: proposal, ...validate, ...streams });
      return isCancel(answer) ? undefined : (answer ?? "");
    },
    stop(message) {
      cancel(message, streams);
    },
  };
}
