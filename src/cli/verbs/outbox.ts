/** `millwright outbox`: what has left this plant, in bytes and meaning. Read from the plant's own journal; nobody is asked. */
import type { OutboxEntry } from "../../edge/keep.js";
import { colorsFor, line, writeJson } from "../context.js";
import { type Verb, wantsJson } from "../program.js";
import { bytes, plain, table } from "../show/text.js";
import { resolvePath } from "./numbers.js";

export const outboxVerb: Verb = (program, run) => {
  program
    .command("outbox")
    .description("Show what has left this plant: when, how much, and what it says. Plans it accepted and requests it refused.")
    .option("--data <folder>", "data folder of the plant", "plant")
    .option("--last <n>", "how many of the newest entries", "50")
    .option("--json", "print everything as JSON")
    .action((options: { readonly data: string; readonly last: string }, command) =>
      run(async (context) => {
        const [
          { folderDisk },
          { copyToMemory },
          { keyVariable, loadStoreKey },
          { systemRandom },
          { openJournal },
          { memoryBlobs },
          { openKeep },
          { systemClock },
        ] = await Promise.all([
          import("../../io/disk/folder.js"),
          import("../../io/disk/memory.js"),
          import("../../io/store/key.js"),
          import("../../io/crypto/system-random.js"),
          import("../../io/store/journal.js"),
          import("../../io/store/blobs-memory.js"),
          import("../../edge/keep.js"),
          import("../../io/clock.js"),
        ]);
        // A running plant may be writing: a copy of the journal is read, and nothing is changed.
        const disk = await copyToMemory(folderDisk(resolvePath(context, options.data)), ["journal", "key"]);
        const storeKey = await loadStoreKey({ disk, random: systemRandom, passphrase: context.env[keyVariable], create: false });
        const journal = await openJournal({ disk, key: storeKey, random: systemRandom });
        const keep = await openKeep(journal, memoryBlobs(), systemClock);
        const told = { outbox: keep.outbox(), plans: keep.plans(), decisions: keep.decisions() };
        if (wantsJson(command)) {
          writeJson(context, told);
          return 0;
        }
        const color = colorsFor(context.out, context.env);
        for (const plan of told.plans)
          line(
            context.out,
            `${moment(plan.at)}  plan ${plan.sequence} of ${plan.federation} ${plan.permit ? "accepted" : color.yellow(`refused: ${plain(plan.reason ?? "")}`)}`,
          );
        line(context.out);
        const newest = told.outbox.slice(-Math.max(1, Number(options.last) || 50));
        for (const text of table([
          ["left at", "answers", "bytes", "what", "arrived"],
          ...newest.map((one) => [moment(one.at), one.key, bytes(one.bytes), plain(one.what), arrived(one)]),
        ]))
          line(context.out, text);
        const sum = told.outbox.reduce((total, one) => total + one.bytes, 0);
        line(context.out);
        line(context.out, `${told.outbox.length} messages, ${bytes(sum)}; ${told.decisions.length} requests refused by the policy`);
        return 0;
      }),
    );
};

const moment = (at: number): string => new Date(at).toISOString().slice(0, 19).replace("T", " ");

function arrived(one: OutboxEntry): string {
  if (one.sentAt === undefined) return "not acknowledged";
  return one.counts === true ? "counted" : "too late";
}
