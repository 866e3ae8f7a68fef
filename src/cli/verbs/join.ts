/** `millwright join`: a plant. Dials out, waits for work, trains where the data is. Runs until it is stopped. */

import { line, writeJson } from "../context.js";
import { logTo } from "../network/log.js";
import { untilStopped } from "../network/stop.js";
import { type Verb, wantsJson } from "../program.js";

import { resolvePath } from "./numbers.js";
import { tokenOf } from "./serve.js";

interface Options {
  readonly site: string;
  readonly data: string;
  readonly token?: string;
  readonly signed?: boolean;
  readonly proxyAuthority?: string;
  readonly federation?: string;
  readonly once?: boolean;
  readonly check?: boolean;
  readonly dryRun?: boolean;
  readonly log: string;
}

export const joinVerb: Verb = (program, run) => {
  program
    .command("join")
    .description("Run a plant: wait for a coordinator's questions and rounds, train here, send sums and updates.")
    .argument("[url]", "coordinator's address; default: the one of the site file or of the token")
    .option("--site <file>", "site file: rows, columns, policy", "site.yaml")
    .option("--data <folder>", "data folder: identity, journal", "plant")
    .option("--token <token>", "enrolment token, or @file that holds it; needed once")
    .option("--signed", "sign every request, for where a proxy opens TLS")
    .option("--proxy-authority <file>", "PEM of that proxy's authority")
    .option("--federation <file>", "federation file, for --check and --dry-run without a coordinator; its folder, for data: federation")
    .option("--check", "check the site file against the real rows, and end")
    .option("--dry-run", "do each step of a run once and show what would leave; nothing is sent")
    .option("--once", "end when the run is over")
    .option("--log <format>", "text or json", "text")
    .option("--json", "print the result of --check or --dry-run as JSON")
    .action((url: string | undefined, options: Options, command) =>
      run(async (context) => {
        if (options.check === true || options.dryRun === true) {
          const { checkHere } = await import("../network/check.js");
          return checkHere(context, options, wantsJson(command));
        }
        const { join } = await import("../../edge/join.js");
        const { dirname } = await import("node:path");
        const log = logTo(context, options.log === "json" ? "json" : "text");
        const stop = new AbortController();
        let halt: (error: unknown) => void = () => {};
        const halted = new Promise<never>((_, reject) => {
          halt = reject;
        });
        halted.catch(() => {});
        const joined = await join({
          siteFile: resolvePath(context, options.site),
          data: resolvePath(context, options.data),
          token: options.token === undefined ? undefined : tokenOf(options.token, context.cwd),
          url,
          signed: options.signed,
          proxyAuthority: options.proxyAuthority === undefined ? undefined : resolvePath(context, options.proxyAuthority),
          federationFolder: options.federation === undefined ? undefined : dirname(resolvePath(context, options.federation)),
          dataRoot: context.env.MILLWRIGHT_DATA,
          once: options.once === true,
          signal: stop.signal,
          env: context.env,
          log: ({ kind, ...fields }) => {
            const level = kind === "unreachable" || kind === "refused" || kind === "denied" || kind === "fault" ? "warn" : "info";
            log(level, `plant.${kind}`, fields);
          },
          renewed: (until) => log("info", "plant.renewed", { until: new Date(until).toISOString() }),
          halted: (error) => halt(error),
        });
        let ended: string | undefined;
        const worked = joined.plant.run().then((how) => {
          ended = how;
        });
        log("info", "plant.started", { site: joined.identity.name, federation: joined.identity.federation });
        if (wantsJson(command)) writeJson(context, { site: joined.identity.name, federation: joined.identity.federation });
        else line(context.out, joined.identity.name);
        try {
          await untilStopped(context, Promise.race([worked, halted]));
        } finally {
          stop.abort();
          await worked.catch(() => {});
          await joined.close();
        }
        return ended === "failed" ? 5 : 0;
      }),
    );
};
