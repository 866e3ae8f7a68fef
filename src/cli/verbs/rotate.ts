/** `millwright rotate`: a new key and certificate for a member, now instead of at two thirds of the old one's life. */
import { line, writeJson } from "../context.js";
import { openSession } from "../network/member.js";
import { type Verb, wantsJson } from "../program.js";
import { resolvePath } from "./numbers.js";

export const rotateVerb: Verb = (program, run) => {
  program
    .command("rotate")
    .description("Make a new key here and get a certificate for it. The old one stays good until it ends.")
    .option("--data <folder>", "data folder with the identity", "plant")
    .option("--json", "print JSON")
    .action((options: { readonly data: string }, command) =>
      run(async (context) => {
        const [{ renewHere }, { folderDisk }, { keyVariable, loadStoreKey }, { systemRandom }, { lockStore }] = await Promise.all([
          import("../../edge/enrolment.js"),
          import("../../io/disk/folder.js"),
          import("../../io/store/key.js"),
          import("../../io/crypto/system-random.js"),
          import("../../io/store/lock.js"),
        ]);
        const { client, door } = await openSession(context, options.data);
        const disk = folderDisk(resolvePath(context, options.data));
        // A running plant renews by itself and holds the lock.
        const lock = await lockStore(disk, systemRandom);
        try {
          const storeKey = await loadStoreKey({ disk, random: systemRandom, passphrase: context.env[keyVariable], create: false });
          const { name, facts } = await renewHere(disk, storeKey, client, door.clock);
          const until = new Date(facts.notAfter).toISOString();
          if (wantsJson(command)) writeJson(context, { name, serial: facts.serial, until });
          else line(context.out, `${name} has a new key; certificate until ${until}`);
        } finally {
          client.close();
          await lock.release();
        }
        return 0;
      }),
    );
};
