/** `join --check` and `join --dry-run`: what the rows are worth, and what would leave, before anything is sent. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "../../core/errors.js";
import { type FederationFile, parseFederation, readFederationFile } from "../../round/file.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import type { ExitCode } from "../exit-codes.js";
import { bytes, plain, table, wrap } from "../show/text.js";
import { resolvePath } from "../verbs/numbers.js";

interface Options {
  readonly site: string;
  readonly data: string;
  readonly federation?: string;
  readonly dryRun?: boolean;
}

export async function checkHere(context: Context, options: Options, json: boolean): Promise<ExitCode> {
  const { readSiteFile } = await import("../../edge/site-file.js");
  const path = resolvePath(context, options.site);
  const site = readSiteFile(readFileSync(path, "utf8"), options.site);
  const { file, folder } = await federationOf(context, options);
  const given = { folder: dirname(path), federationFolder: folder, dataRoot: context.env.MILLWRIGHT_DATA };
  if (options.dryRun === true) return dry(context, site, file, given, json);
  const { checkSite } = await import("../../edge/check.js");
  const { checkText } = await import("../../edge/check-text.js");
  const result = await checkSite(site, file, given);
  if (json) writeJson(context, result);
  else line(context.out, checkText(result));
  return result.ok ? 0 : 4;
}

async function dry(
  context: Context,
  site: ReturnType<typeof import("../../edge/site-file.js").readSiteFile>,
  file: FederationFile,
  given: { readonly folder: string; readonly federationFolder?: string; readonly dataRoot?: string },
  json: boolean,
): Promise<ExitCode> {
  const [{ dryRun }, { createSiteWork }, { sitePart }, { inlineExecutor }] = await Promise.all([
    import("../../edge/outbox-dry-run.js"),
    import("../../round/site-work.js"),
    import("../../edge/site-file-data.js"),
    import("../../io/workers/inline.js"),
  ]);
  const executor = inlineExecutor();
  const part = await sitePart(site, file, given);
  const { work } = createSiteWork({ site: site.site, part, file, seed: `${file.seed}/train`, executor });
  const result = await dryRun({ file, work });
  await executor.close();
  if (json) {
    writeJson(context, result);
    return 0;
  }
  const color = colorsFor(context.out, context.env);
  line(context.out, color.bold(`What would leave ${site.site} in a run of ${file.federation}; nothing was sent`));
  for (const item of result.items) {
    const what = item.leaves === undefined ? `refused by ${item.refused?.rule}: ${item.refused?.reason}` : item.leaves.what;
    line(context.out);
    line(context.out, `${color.bold(item.step)}, ${item.times === 1 ? "once" : `${item.times} times`}: ${plain(what)}`);
    if (item.leaves === undefined) continue;
    for (const text of wrap(plain(item.leaves.meaning), 96, "  ")) line(context.out, `  ${text.trimStart()}`);
    for (const text of table(
      item.leaves.fields.map(({ name, meaning, value }) => [`  ${name}`, plain(meaning), plain(value)]),
      ["left", "left", "left"],
    ))
      line(context.out, text);
    line(context.out, `  ${bytes(item.leaves.bytes)} each time`);
  }
  line(context.out);
  if (result.bytes !== undefined) line(context.out, `In a whole run: ${bytes(result.bytes)}`);
  return 0;
}

/** The file that is named, else the plan this plant accepted last. */
async function federationOf(context: Context, options: Options): Promise<{ readonly file: FederationFile; readonly folder?: string }> {
  if (options.federation !== undefined) {
    const path = resolvePath(context, options.federation);
    return { file: readFederationFile(readFileSync(path, "utf8"), options.federation), folder: dirname(path) };
  }
  const { openSession } = await import("./member.js");
  const { openPlan } = await import("../../io/crypto/plan-envelope.js");
  const { importPublicKey } = await import("../../io/crypto/keys.js");
  const { identity, client, door } = await openSession(context, options.data);
  try {
    const { bytes: text } = await client.request({ method: "GET", path: "/v1/plan" });
    const keys = identity.trust.plan.map((pem) => importPublicKey(pem, "trusted plan key"));
    const { plan } = openPlan(
      new TextDecoder().decode(text ?? fail("MESSAGE_INVALID", { where: "plan", expected: "bytes", got: "none" })),
      {
        keys,
        federation: identity.federation,
        now: door.clock.now(),
      },
    );
    return { file: parseFederation(plan.file) };
  } finally {
    client.close();
  }
}
