/** The verb `doctor`: whether this machine, this plant or this coordinator's folder is fit to run, and what would make it better. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../core/errors.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import { type Verb, wantsJson } from "../program.js";
import { plain, table } from "../show/text.js";
import { resolvePath } from "../verbs/numbers.js";
import { tokenOf } from "../verbs/serve.js";
import type { Check } from "./check.js";
import { examineMachine } from "./machine.js";

interface Options {
  readonly site?: string;
  readonly data?: string;
  readonly token?: string;
  readonly federation?: string;
  readonly proxyAuthority?: string;
  readonly zones?: string;
  readonly sites?: string;
}

/** What only a full installation can look at. */
export interface Full {
  readonly coordinator: (context: Context, data: string) => Promise<readonly Check[]>;
  readonly zones: (context: Context, file: string, sites: readonly string[] | undefined, json: boolean) => Promise<void>;
}

/** The verb, with what a full installation adds. */
export function doctor(full: Full | undefined): Verb {
  return (program, run) => {
    const command = program
      .command("doctor")
      .description(
        "Check this machine; with --site, --data or URL also a plant or a coordinator: clock, certificates, way, disk, rows, plan.",
      )
      .argument("[url]", "coordinator's address, for the way to it step by step")
      .option("--site <file>", "site file of the plant to check")
      .option("--data <folder>", "data folder of the plant or coordinator to check")
      .option("--token <token>", "enrolment token, or @file that holds it, of a plant that is not enrolled yet")
      .option("--federation <file>", "federation file to check the rows against, where there is no coordinator yet")
      .option("--proxy-authority <file>", "PEM of the authority of a proxy that opens TLS")
      .option("--json", "print the checks as JSON");
    if (full !== undefined) {
      command
        .option("--zones <file>", "print the zones and conduits of this federation file's deployment instead")
        .option("--sites <names>", "with --zones: sites that take part, separated by commas, where the file does not name them");
    }
    command.action((url: string | undefined, options: Options, self: Command) =>
      run(async (context) => {
        const json = wantsJson(self);
        if (options.zones !== undefined && full !== undefined) {
          const sites = options.sites?.split(",").map((one) => one.trim());
          await full.zones(context, resolvePath(context, options.zones), sites, json);
          return 0;
        }
        const checks = [...(await examineMachine(context)), ...(await more(context, url, options, full))];
        if (json) writeJson(context, { checks });
        else show(context, checks);
        return checks.some((c) => c.state === "fail") ? 7 : 0;
      }),
    );
  };
}

async function more(context: Context, url: string | undefined, options: Options, full: Full | undefined): Promise<readonly Check[]> {
  const path = (given: string | undefined): string | undefined => (given === undefined ? undefined : resolvePath(context, given));
  const data = path(options.data);
  if (data !== undefined && existsSync(join(data, "authority.pem"))) {
    if (full !== undefined) return full.coordinator(context, data);
    return fail("USAGE", {
      where: "--data",
      expected: "a plant's folder",
      got: "a coordinator's",
      remedy: "use `millwright doctor` of a full installation",
    });
  }
  if ([url, options.site, options.data, options.token].every((one) => one === undefined)) return [];
  const { examinePlant } = await import("./plant.js");
  return examinePlant(context, {
    siteFile: path(options.site),
    data: data ?? resolvePath(context, "plant"),
    url,
    token: options.token === undefined ? undefined : tokenOf(options.token, context.cwd),
    federation: path(options.federation),
    proxyAuthority: path(options.proxyAuthority),
  });
}

function show(context: Context, checks: readonly Check[]): void {
  const color = colorsFor(context.out, context.env);
  const mark = { ok: color.green("ok"), warn: color.yellow("warn"), fail: color.red("FAIL") };
  const rows = checks.map((c) => [mark[c.state], c.name, plain(c.found)]);
  const width = Math.max(...checks.map((c) => c.name.length));
  table(rows, ["left", "left", "left"]).forEach((text, i) => {
    line(context.out, text);
    const { advice } = checks[i];
    if (advice !== undefined) line(context.out, `${" ".repeat(6 + width)}  ${color.dim(plain(advice))}`);
  });
  const bad = checks.filter((c) => c.state === "fail").length;
  line(context.out);
  const what = checks.some((c) => c.name === "Data folder") ? "Everything that must be right is." : "This machine can run Millwright.";
  line(context.out, bad === 0 ? what : `${bad} thing${bad === 1 ? "" : "s"} must change before Millwright can run here.`);
}
