/** `millwright record`: who was included in each round of a run and what came out, as the document that `simulate --replay` reads. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../core/errors.js";
import { line } from "../context.js";
import type { Verb } from "../program.js";
import { resolvePath } from "./numbers.js";

export const recordVerb: Verb = (program, run) => {
  program
    .command("record")
    .description(
      "Write the record of a run: who was included in each round, and the model it led to. Read from a coordinator's data folder.",
    )
    .option("--data <folder>", "data folder of the coordinator; it must not be running", "coordinator")
    .option("--record <url>", "sqlite:PATH or postgres://...; default: SQLite in the data folder")
    .option("--run <id>", "which run; default: the newest")
    .option("--out <file>", "file to write; default: standard output")
    .option("--json", "nothing else: the record is JSON")
    .action((options: { readonly data: string; readonly record?: string; readonly run?: string; readonly out?: string }) =>
      run(async (context) => {
        const [{ openRecord }, { folderDisk }, { fileBlobs }, { storedRunRecord }] = await Promise.all([
          import("../../io/record/open.js"),
          import("../../io/disk/folder.js"),
          import("../../io/store/blobs.js"),
          import("../../coordinator/run-record.js"),
        ]);
        const folder = resolvePath(context, options.data);
        const disk = folderDisk(folder);
        if (options.record === undefined && (await disk.size("record.sqlite")) === undefined) {
          fail("DATA_MISSING", {
            where: folder,
            expected: "a coordinator's data folder",
            got: "no record.sqlite",
            remedy: "name it with --data",
          });
        }
        const record = await openRecord({ url: options.record ?? `sqlite:${join(folder, "record.sqlite")}` });
        try {
          const text = `${JSON.stringify(await storedRunRecord(record, await fileBlobs(disk), options.run), null, 2)}\n`;
          if (options.out === undefined) line(context.out, text.trimEnd());
          else writeFileSync(resolvePath(context, options.out), text);
        } finally {
          await record.close();
        }
        return 0;
      }),
    );
};
