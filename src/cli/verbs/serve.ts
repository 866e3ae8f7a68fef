/** `millwright serve`: a coordinator, at the root of a federation or at any tier below. Runs until it is stopped. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../core/errors.js";
import { line } from "../context.js";
import { logTo } from "../network/log.js";
import { separateNames } from "../network/names.js";
import { untilStopped } from "../network/stop.js";
import { type Verb, wantsJson } from "../program.js";
import { resolvePath, wholeNumber } from "./numbers.js";

interface Options {
  readonly data: string;
  readonly host: string;
  readonly port: string;
  readonly name: readonly string[];
  readonly org: string;
  readonly sites?: string;
  readonly parentToken?: string;
  readonly relay?: boolean;
  readonly record?: string;
  readonly release: string;
  readonly invite?: boolean;
  readonly again?: boolean;
  readonly once?: boolean;
  readonly log: string;
  readonly modules?: string;
}

export const serveVerb: Verb = (program, run) => {
  program
    .command("serve")
    .description("Run a coordinator: the root of a federation file, or a relay (facility, region) below another coordinator.")
    .argument("[file]", "federation file; none for a relay")
    .option("--data <folder>", "data folder: keys, record, blobs", "coordinator")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on, 0 for any free one", "8443")
    .option("--name <name>", "DNS name or IP address under which members reach it; may be repeated", collect, [])
    .option("--org <name>", "organisation that its members belong to", "members")
    .option("--sites <names>", "sites that take part, separated by commas, where the file does not name them")
    .option("--relay", "be a relay; its identity is in the data folder")
    .option("--parent-token <token>", "be a relay: token of the parent, or @file that holds it; needed once")
    .option("--record <url>", "sqlite:PATH or postgres://...; default: SQLite in the data folder")
    .option("--modules <folder>", "folder of the modules that the plan pins")
    .option("--release <how>", "automatic, or manual: a finished model waits for somebody to release it", "automatic")
    .option("--invite", "write a token file for every member that is not enrolled, in DATA/tokens")
    .option("--again", "sign a new plan and run again although the last run is over")
    .option("--once", "end when the run is over")
    .option("--log <format>", "text or json", "text")
    .option("--json", "print address, federation and run as JSON once members can connect")
    .action((file: string | undefined, options: Options, command) =>
      run(async (context) => {
        const { serve } = await import("../../coordinator/serve.js");
        const { urlsOf } = await import("../../coordinator/program.js");
        const { inviteAll, makeAdministrator } = await import("../../coordinator/administrator.js");
        if ((file === undefined) !== (options.relay === true || options.parentToken !== undefined)) {
          fail("USAGE", {
            where: "serve",
            expected: "a federation file, or --relay or --parent-token",
            got: file === undefined ? "neither" : "both",
            remedy: "see `millwright serve --help`",
          });
        }
        const log = logTo(context, options.log === "json" ? "json" : "text");
        const data = resolvePath(context, options.data);
        const { names, addresses } = separateNames(options.name.length > 0 ? options.name : ["localhost", options.host]);
        let end: (how: "finished" | "failed" | Error) => void = () => {};
        const over = new Promise<"finished" | "failed">((resolve, reject) => {
          end = (how) => (how instanceof Error ? reject(how) : resolve(how));
        });
        over.catch(() => {});
        const port = wholeNumber("--port", 0, 65_535)(options.port);
        const served = await serve({
          file: file === undefined ? undefined : resolvePath(context, file),
          parentToken: options.parentToken === undefined ? undefined : tokenOf(options.parentToken, context.cwd),
          data,
          host: options.host,
          port,
          names,
          addresses,
          sites: options.sites?.split(",").map((one) => one.trim()),
          org: options.org,
          record: options.record,
          modules: options.modules === undefined ? undefined : resolvePath(context, options.modules),
          automaticRelease: options.release !== "manual",
          again: options.again,
          env: context.env,
          log,
          halted: (error) => end(error instanceof Error ? error : new Error(String(error))),
          ended: (state) => {
            if (options.once === true) end(state);
          },
        });
        try {
          const urls = urlsOf({ names, addresses }, served.port);
          if (await makeAdministrator(served.membership, join(data, "admin"), urls, "operator", context.env))
            log("info", "administrator", { folder: join(data, "admin") });
          if (options.invite === true) {
            const known = new Set((await served.record.members()).filter((one) => one.state === "active").map((one) => one.name));
            const children = served.plan.members
              .filter((one) => one.under === served.run.node)
              .map(({ name, role }) => ({ name, role: role === "aggregator" ? ("aggregator" as const) : ("site" as const) }));
            const invited = await inviteAll(served.membership, children, known, {
              folder: join(data, "tokens"),
              urls,
              org: options.org,
            });
            log("info", "invited", { members: invited.join(","), tokens: join(data, "tokens") });
          }
          // What scripts wait for: the address, once members can connect.
          if (wantsJson(command))
            line(
              context.out,
              JSON.stringify({ url: served.url, federation: served.run.federation, node: served.run.node, run: served.run.id }),
            );
          else line(context.out, served.url);
          const state = served.run.state;
          if (options.once === true && (state === "finished" || state === "failed")) end(state);
          await untilStopped(context, over);
          // Long polls are answered with the news first.
          if (options.once === true) await new Promise((resolve) => setTimeout(resolve, farewell));
        } finally {
          await served.close();
        }
        return options.once === true && (await Promise.race([over, Promise.resolve("stopped" as const)])) === "failed" ? 5 : 0;
      }),
    );
};

/** How long a coordinator that ends with its run goes on answering, so that everybody hears of it. */
const farewell = 3000;

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** A token, or the content of @file. */
export function tokenOf(text: string, cwd: string): string {
  if (!text.startsWith("@")) return text;
  try {
    return readFileSync(join(text.startsWith("@/") ? "" : cwd, text.slice(1)), "utf8").trim();
  } catch (cause) {
    return fail("FILE_UNREADABLE", { where: text.slice(1), expected: "a token file", got: String(cause), cause });
  }
}
