/**
 * Planted bugs: what a programmer could have got wrong, each as a wrapper around a port of the programs. The simulator has to find every
 * one of them; a promise that no bug breaks would be a promise that nobody checks.
 */
import type { DriverBlobs } from "../../../src/coordinator/driver.js";
import type { Variant } from "../../../src/lab/faults/variant.js";
import type { Message } from "../../../src/round/messages.js";
import type { Node, NodeState } from "../../../src/round/node.js";

export interface Bug {
  readonly name: string;
  readonly what: string;
  /** A seed that is known to find it, so that the tests need not look for long. */
  readonly seed: number;
  /** Made anew for every world: some bugs remember things. */
  readonly plant: () => Variant;
}

const onMessages =
  (change: (state: NodeState, from: string, message: Message) => readonly [NodeState, Message]) =>
  (node: Node): Node => ({
    ...node,
    step(state, input, now) {
      if (input.type !== "message") return node.step(state, input, now);
      const [other, message] = change(state, input.from, input.message);
      const result = node.step(other, { ...input, message }, now);
      return result[0] === other ? [state, result[1]] : result;
    },
  });

/** Forgets that somebody has answered, but not what was added up. */
const forgetAnswer = (state: NodeState, from: string, message: Message): readonly [NodeState, Message] => {
  const { open } = state.coordinator;
  if (message.type !== "update" || open?.partial === undefined || !open.answers.has(from)) return [state, message];
  const answers = new Map(open.answers);
  answers.delete(from);
  return [{ ...state, coordinator: { ...state.coordinator, open: { ...open, answers } } } as NodeState, message];
};

const intoOpenRound = (state: NodeState, from: string, message: Message): readonly [NodeState, Message] => {
  const request = state.coordinator.open?.request;
  if (message.type !== "update" || request?.type !== "train" || message.from !== from) return [state, message];
  return [state, { ...message, round: request.round, attempt: request.attempt }];
};

export const bugs: readonly Bug[] = [
  {
    name: "plant-fsync",
    what: "the plant's journal and blobs are not synced",
    seed: 0,
    plant: () => ({ plantDisk: { fsync: true } }),
  },
  {
    name: "plant-folder",
    what: "names in the plant's folders are not synced after a rename",
    seed: 0,
    plant: () => ({ plantDisk: { folder: true } }),
  },
  {
    name: "coordinator-fsync",
    what: "the coordinator's blobs are not synced",
    seed: 0,
    plant: () => ({ coordinatorDisk: { fsync: true } }),
  },
  {
    name: "coordinator-folder",
    what: "names in the coordinator's folders are not synced after a rename",
    seed: 0,
    plant: () => ({ coordinatorDisk: { folder: true } }),
  },
  {
    name: "ack-before-commit",
    what: "an input is acknowledged before it is in the record",
    seed: 29,
    plant: () => ({
      record: (record) => {
        let before: Promise<unknown> = Promise.resolve();
        const behind = <T>(work: () => Promise<T>): Promise<T> => {
          const done = before.then(work);
          before = done.catch(() => undefined);
          return done;
        };
        return {
          ...record,
          appendInputs: async (...args) => {
            behind(() => record.appendInputs(...args)).catch(() => undefined);
          },
          closeRound: (...args) => behind(() => record.closeRound(...args)),
          setRunState: (...args) => behind(() => record.setRunState(...args)),
        };
      },
    }),
  },
  {
    name: "frame-before-disk",
    what: "the record refers to a frame that is not yet on the disk",
    seed: 5,
    plant: () => ({
      blobs: (blobs) => ({
        ...blobs,
        async put(bytes: Uint8Array) {
          const { sha256 } = await import("../../../src/io/crypto/keys.js");
          blobs.put(bytes).catch(() => undefined);
          return { sha256: sha256(bytes), size: bytes.length };
        },
      }),
    }),
  },
  {
    name: "double-count",
    what: "an update that comes again is added again",
    seed: 8,
    plant: () => ({ node: onMessages(forgetAnswer) }),
  },
  {
    name: "late-update",
    what: "an update of an earlier round counts in the open one",
    seed: 8,
    plant: () => ({ node: onMessages(intoOpenRound) }),
  },
  {
    name: "stale-snapshot",
    what: "a round is closed with the snapshot of the one before",
    seed: 8,
    plant: () => {
      let last: string | undefined;
      return {
        record: (record) => ({
          ...record,
          closeRound(run, row, snapshot, also) {
            const blob = last ?? snapshot.blob;
            last = snapshot.blob;
            return record.closeRound(run, row, { ...snapshot, blob }, also);
          },
        }),
      };
    },
  },
  {
    name: "snapshot-early",
    what: "the snapshot claims one input less than it holds",
    seed: 4,
    plant: () => ({
      record: (record) => ({
        ...record,
        closeRound: (run, row, snapshot, also) => record.closeRound(run, row, { ...snapshot, seq: Math.max(0, snapshot.seq - 1) }, also),
      }),
    }),
  },
  {
    name: "reply-forgotten",
    what: "a plant that restarts does not find its kept replies and works again",
    seed: 40,
    plant: () => ({ keep: (keep) => ({ ...keep, replies: async () => [] }) }),
  },
  {
    name: "send-before-journal",
    what: "a reply leaves while it is still being written down",
    seed: 0,
    plant: () => ({
      keep: (keep) => ({
        ...keep,
        async reply(reply) {
          keep.reply(reply).catch(() => undefined);
        },
      }),
    }),
  },
  {
    name: "sent-lost",
    what: "that a reply was acknowledged is not written down",
    seed: 2,
    plant: () => ({ keep: (keep) => ({ ...keep, sent: async () => {} }) }),
  },
  {
    name: "plan-forgotten",
    what: "the plan that was accepted last is not held against a new one",
    seed: 4,
    plant: () => ({ keep: (keep) => ({ ...keep, plans: () => [] }) }),
  },
  {
    name: "relay-forgets",
    what: "a relay that restarts does not know its contribution any more",
    seed: 129,
    plant: () => ({
      node: (node) => ({
        ...node,
        restore(bytes) {
          const state = node.restore(bytes);
          if (state.kind !== "relay") return state;
          const { contribution: _, ...rest } = state;
          return rest;
        },
      }),
    }),
  },
  {
    name: "blobs-too-early",
    what: "frames of a round are deleted before the round is in the record",
    seed: 297,
    plant: () => ({
      blobs: (blobs) => {
        const frames = new Set<string>();
        return {
          ...blobs,
          async put(bytes: Uint8Array) {
            const text = new TextDecoder("latin1").decode(bytes.subarray(0, 200));
            const done = await blobs.put(bytes);
            if (text.includes('"update"')) frames.add(done.sha256);
            else if (text.includes("millwright-snapshot")) {
              for (const sha256 of frames) await (blobs as DriverBlobs).delete(sha256);
              frames.clear();
            }
            return done;
          },
        };
      },
    }),
  },
  {
    name: "wall-clock",
    what: "deadlines follow the time of day",
    seed: 5,
    plant: () => ({ driverClock: ({ now, at }) => ({ now, at }) }),
  },
  {
    name: "timer-lost",
    what: "a deadline is not set again after a restart",
    seed: 9,
    plant: () => ({
      node: (node) => ({
        ...node,
        waiting(state) {
          const { until: _, ...rest } = node.waiting(state);
          return rest;
        },
      }),
    }),
  },
  {
    name: "no-fence",
    what: "a process that was taken over from goes on writing",
    seed: 242,
    plant: () => ({
      record: (record) => ({
        ...record,
        async appendInputs(run, inputs, also) {
          const last = await record.lastInput(run);
          return record.appendInputs(
            run,
            inputs.map((input, i) => ({ ...input, seq: last + 1 + i })),
            also,
          );
        },
      }),
    }),
  },
  {
    name: "release-twice",
    what: "a release that was interrupted is made again instead of found",
    seed: 51,
    plant: () => ({ record: (record) => ({ ...record, releases: async () => [] }) }),
  },
  {
    name: "not-taken-up",
    what: "a task whose work could not begin is taken for done",
    seed: 0,
    plant: () => ({
      link: (link) => {
        let have: string | undefined;
        return {
          ...link,
          async next(asked, signal) {
            const answer = await link.next({ ...asked, have: asked.have ?? have }, signal);
            if (answer.task !== undefined) have = answer.task.key;
            return answer;
          },
        };
      },
    }),
  },
];
