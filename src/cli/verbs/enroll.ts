/** `millwright enroll`: at the plant it uses a token up; at the operator's desk (`--invite`) it makes one. */

import { parseDuration } from "../../core/duration.js";
import { fail } from "../../core/errors.js";
import { line, writeJson } from "../context.js";
import { ask } from "../network/member.js";
import { type Verb, wantsJson } from "../program.js";
import { resolvePath } from "./numbers.js";
import { tokenOf } from "./serve.js";

interface Options {
  readonly data: string;
  readonly invite?: string;
  readonly role: string;
  readonly org: string;
  readonly ttl: string;
  readonly as: string;
}

export const enrollVerb: Verb = (program, run) => {
  program
    .command("enroll")
    .description("Join a federation with a token: the key is made here and stays here. With --invite: make a token for a member.")
    .argument("[token]", "the token, or @file that holds it")
    .option("--data <folder>", "data folder that gets the identity", "plant")
    .option("--invite <name>", "make a token for this member instead")
    .option("--role <role>", "with --invite: site, aggregator, auditor, scientist, operator, witness, admin", "site")
    .option("--org <name>", "with --invite: the member's organisation", "members")
    .option("--ttl <duration>", "with --invite: how long the token is good", "24h")
    .option("--as <folder>", "with --invite: identity of who invites", "coordinator/admin")
    .option("--json", "print JSON")
    .action((token: string | undefined, options: Options, command) =>
      run(async (context) => {
        if ((token === undefined) === (options.invite === undefined)) {
          fail("USAGE", { where: "enroll", expected: "a token, or --invite NAME", got: token === undefined ? "neither" : "both" });
        }
        if (options.invite !== undefined) {
          const { invite: name, role, org } = options;
          const ttlMs = parseDuration(options.ttl, "--ttl");
          const json = await ask(context, options.as, { method: "POST", path: "/v1/tokens", json: { name, role, org, ttlMs } });
          const made = json as { readonly token: string; readonly expiresAt: number };
          if (wantsJson(command)) writeJson(context, made);
          else {
            line(context.out, made.token);
            line(context.err, `good once, until ${new Date(made.expiresAt).toISOString()}; hand it to ${name} and to nobody else`);
          }
          return 0;
        }
        const [{ enrolHere }, { folderDisk }, { keyVariable, loadStoreKey }, { systemRandom }, { systemClock }, { lockStore }] =
          await Promise.all([
            import("../../edge/enrolment.js"),
            import("../../io/disk/folder.js"),
            import("../../io/store/key.js"),
            import("../../io/crypto/system-random.js"),
            import("../../io/clock.js"),
            import("../../io/store/lock.js"),
          ]);
        const disk = folderDisk(resolvePath(context, options.data));
        await disk.makeFolder("");
        const lock = await lockStore(disk, systemRandom);
        try {
          const storeKey = await loadStoreKey({ disk, random: systemRandom, passphrase: context.env[keyVariable] });
          const text = tokenOf(token as string, context.cwd);
          const { name, org, federation, role, facts } = await enrolHere(disk, storeKey, text, { clock: systemClock, env: context.env });
          const told = { federation, org, name, role, until: new Date(facts.notAfter).toISOString() };
          if (wantsJson(command)) writeJson(context, told);
          else line(context.out, `${name} (${role}) is a member of ${federation}; certificate until ${told.until}, renewed by itself`);
        } finally {
          await lock.release();
        }
        return 0;
      }),
    );
};
