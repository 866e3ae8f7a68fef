/** `millwright release`: what was released, fetching a model that proves where it comes from, and the decision to publish or withdraw one. */
import { line, writeJson } from "../context.js";
import { ask, openSession } from "../network/member.js";
import { type Verb, wantsJson } from "../program.js";
import { bytes as size, table } from "../show/text.js";
import { writeWhole } from "./files.js";
import { resolvePath, shownPath, wholeNumber } from "./numbers.js";

interface Row {
  readonly version: number;
  readonly state: string;
  readonly run: string;
  readonly round: number;
  readonly createdAt: number;
  readonly model: string;
}

const versionOf = wholeNumber("version", 1, 1_000_000_000);

export const releaseVerb: Verb = (program, run) => {
  const release = program.command("release").description("Released models: list them, fetch and verify one, publish or withdraw one.");
  release
    .command("list")
    .description("List the releases that this member may read.")
    .option("--as <folder>", "identity of who asks", "plant")
    .option("--json", "print JSON")
    .action((options: { readonly as: string }, command) =>
      run(async (context) => {
        const { releases } = (await ask(context, options.as, { method: "GET", path: "/v1/releases" })) as {
          readonly releases: readonly Row[];
        };
        if (wantsJson(command)) writeJson(context, { releases });
        else if (releases.length === 0) line(context.out, "nothing was released yet");
        else {
          const rows = releases.map((one) => [
            String(one.version),
            one.state,
            one.run,
            String(one.round),
            new Date(one.createdAt).toISOString(),
            one.model.slice(0, 16),
          ]);
          for (const text of table([["version", "state", "run", "rounds", "made", "weights"], ...rows])) line(context.out, text);
        }
        return 0;
      }),
    );
  release
    .command("fetch")
    .description("Fetch a released model. It is written only when its signature, record, plan and version hold.")
    .requiredOption("--out <file>", "file to write, for example model.safetensors")
    .option("--version <n>", "which; default: the newest. An older one than this member has is refused", versionOf)
    .option("--as <folder>", "identity of who asks; the folder remembers the newest release", "plant")
    .option("--json", "print JSON")
    .action((options: { readonly out: string; readonly version?: number; readonly as: string }, command) =>
      run(async (context) => {
        const [{ fetchRelease }, { folderDisk }] = await Promise.all([import("../../edge/releases.js"), import("../../io/disk/folder.js")]);
        const { client, identity } = await openSession(context, options.as);
        try {
          const disk = folderDisk(resolvePath(context, options.as));
          const { origin, bundle } = await fetchRelease({ client, identity, disk, version: options.version });
          const file = resolvePath(context, options.out);
          writeWhole(file, bundle);
          if (wantsJson(command)) writeJson(context, { file, ...origin });
          else {
            line(
              context.out,
              `Wrote ${shownPath(context, file)} (${size(bundle.length)}): version ${origin.version} of ${origin.federation},`,
            );
            line(
              context.out,
              `${origin.rounds} rounds of run ${origin.run} with ${origin.members} members; signature, record and plan hold.`,
            );
          }
        } finally {
          client.close();
        }
        return 0;
      }),
    );
  for (const [action, what] of [
    ["publish", "Publish a model that waits for it. Refused to whoever ever let a node into the federation."],
    ["withdraw", "Withdraw a model: nobody gets it any more, and its version is not used again."],
  ] as const) {
    release
      .command(action)
      .description(what)
      .argument("<version>", "version, as `release list` shows it", versionOf)
      .requiredOption("--reason <text>", "why; kept in the audit log")
      .requiredOption("--as <folder>", "identity of who decides: a scientist, or to withdraw also an admin")
      .option("--json", "print JSON")
      .action((version: number, options: { readonly reason: string; readonly as: string }, command) =>
        run(async (context) => {
          const json = { action, reason: options.reason };
          const done = await ask(context, options.as, { method: "POST", path: `/v1/releases/${version}`, json });
          const { state } = done as { readonly state: string };
          if (wantsJson(command)) writeJson(context, { version, state });
          else line(context.out, `version ${version} is ${state}`);
          return 0;
        }),
      );
  }
};
