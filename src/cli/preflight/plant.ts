/** What a plant needs beyond a machine that can compute: its identity, its way to the coordinator, a plan its owner accepts, rows that fit. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../../core/errors.js";
import { type Door, memberClient } from "../../edge/enrolment.js";
import { type Identity, loadIdentity } from "../../edge/identity.js";
import { defaultPolicy, type Policy, readPolicy } from "../../edge/policy.js";
import { decide } from "../../edge/policy-decide.js";
import { planFacts, requestFacts } from "../../edge/policy-facts.js";
import { readSiteFile, type SiteFile } from "../../edge/site-file.js";
import { systemClock } from "../../io/clock.js";
import { importPublicKey, keyId } from "../../io/crypto/keys.js";
import { checkKernels, type OpenedPlan, openPlan } from "../../io/crypto/plan-envelope.js";
import { createRequestSigner } from "../../io/crypto/signed-request.js";
import { systemRandom } from "../../io/crypto/system-random.js";
import { readToken } from "../../io/crypto/token.js";
import { folderDisk } from "../../io/disk/folder.js";
import { readText } from "../../io/read-text.js";
import { keyVariable, loadStoreKey } from "../../io/store/key.js";
import { kernelVersion } from "../../kernels/instance.js";
import { type FederationFile, parseFederation, readFederationFile } from "../../round/file.js";
import type { Context } from "../context.js";
import { attempt, type Check, certificateCheck, failed, faultsOf, ok, warn } from "./check.js";
import { folderChecks } from "./folder.js";
import { walk } from "./way.js";

export interface PlantFacts {
  readonly siteFile?: string;
  /** The plant's data folder. */
  readonly data: string;
  readonly url?: string;
  readonly token?: string;
  readonly federation?: string;
  readonly proxyAuthority?: string;
}

/** Every check that can be made; one that fails does not stop the others unless they stand on it. */
export async function examinePlant(context: Context, facts: PlantFacts): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const keep = async <T>(name: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      checks.push(...faultsOf(name, error));
      return undefined;
    }
  };
  const now = systemClock.now;
  checks.push(...(await folderChecks(facts.data, systemClock)));
  const site =
    facts.siteFile === undefined
      ? undefined
      : await keep("Site file", async () => readSiteFile(readText(facts.siteFile as string, "a site file"), facts.siteFile));
  if (site !== undefined) checks.push(ok("Site file", `${site.site}, ${facts.siteFile}`));

  const identity = await keep("Identity", () => identityIn(facts.data, context.env));
  if (identity === undefined) {
    if (!checks.some((one) => one.name === "Identity"))
      checks.push(
        facts.token === undefined
          ? warn("Identity", "not enrolled", "`enroll TOKEN` with the operator's token")
          : ok("Identity", "not enrolled yet; a token is there"),
      );
  } else checks.push(...identityChecks(identity, site, now()));
  const token =
    facts.token === undefined || identity !== undefined ? undefined : await keep("Token", async () => readToken(facts.token as string));
  if (token !== undefined) checks.push(ok("Token", `for ${token.name} (${token.role}) of ${token.federation}`));

  const proxyAuthority =
    facts.proxyAuthority === undefined
      ? undefined
      : await keep("Proxy's authority", async () => readText(facts.proxyAuthority as string, "a certificate in PEM"));
  const url = facts.url ?? site?.coordinator ?? identity?.urls[0] ?? token?.urls[0];
  let plan: OpenedPlan | undefined;
  if (url === undefined) checks.push(warn("Way to the coordinator", "no address", "give URL, or `coordinator:` in the site file"));
  else {
    const way = await walk({ url, proxy: site?.proxy, env: context.env, now, authority: identity?.authority, proxyAuthority });
    checks.push(...way.checks);
    if (way.reached && identity !== undefined) {
      const asked = await asMember(identity, url, {
        clock: systemClock,
        env: context.env,
        ...(site?.proxy === undefined ? {} : { proxy: site.proxy }),
        ...(proxyAuthority === undefined ? {} : { proxyAuthority }),
      });
      checks.push(...asked.checks);
      plan = asked.plan;
    }
  }
  const file =
    facts.federation === undefined
      ? plan && parseFederation(plan.plan.file)
      : await keep("Federation file", async () =>
          readFederationFile(readText(facts.federation as string, "a federation file"), facts.federation),
        );
  if (site !== undefined && plan !== undefined && identity !== undefined)
    checks.push(...(await attempt("Policy", () => policyCheck(site, facts, plan, identity))));
  if (site !== undefined && file !== undefined) checks.push(...(await attempt("Rows", () => rowsCheck(site, file, facts, context))));
  else if (site !== undefined)
    checks.push(warn("Rows", "not checked: the federation's columns are not known here yet", "enroll first, or give --federation FILE"));
  return checks;
}

/** Errors: KEY_INVALID, CERTIFICATE_INVALID, STORE_*. */
async function identityIn(data: string, env: Context["env"]): Promise<Identity | undefined> {
  if (!existsSync(join(data, "identity/member.json"))) return undefined;
  const disk = folderDisk(data);
  return loadIdentity(disk, await loadStoreKey({ disk, random: systemRandom, passphrase: env[keyVariable], create: false }));
}

function identityChecks(identity: Identity, site: SiteFile | undefined, now: number): Check[] {
  const { name, org, federation, role, facts } = identity;
  const checks = [ok("Identity", `${name} (${role}, ${org}) of ${federation}`)];
  if (site !== undefined && site.site !== name)
    checks.push(
      failed("Site file", `is for ${site.site}, this folder for ${name}`, "name the data folder of this site, or correct `site:`"),
    );
  if (keyId(identity.key) !== facts.spki) checks.push(failed("Key", "does not belong to the certificate", "enroll again with a new token"));
  checks.push(
    certificateCheck(
      "Certificate",
      facts,
      now,
      now >= facts.notAfter
        ? "enroll again with a new token: an ended certificate cannot renew itself"
        : "`join` renews it by itself while it runs; or `rotate`",
    ),
  );
  return checks;
}

/** What the coordinator says to this member over a verified connection: that it is known, and the plan. */
async function asMember(
  identity: Identity,
  url: string,
  door: Door,
): Promise<{ readonly checks: readonly Check[]; readonly plan?: OpenedPlan }> {
  const name = "Membership";
  const sign =
    door.proxyAuthority === undefined
      ? undefined
      : createRequestSigner({ key: identity.key, certificate: identity.certificate, clock: systemClock, random: systemRandom });
  const client = memberClient(identity, sign === undefined ? door : { ...door, sign }, url);
  try {
    const { bytes } = await client.request({ method: "GET", path: "/v1/plan" });
    const known = ok(name, `the coordinator knows this ${identity.role}`);
    const text = new TextDecoder().decode(bytes ?? fail("MESSAGE_INVALID", { where: "plan", expected: "bytes", got: "none" }));
    try {
      const keys = identity.trust.plan.map((pem) => importPublicKey(pem, "trusted plan key"));
      const plan = openPlan(text, { keys, federation: identity.federation, now: systemClock.now() });
      checkKernels(plan.plan, kernelVersion);
      return { checks: [known, ok("Plan", `number ${plan.plan.sequence}, signed by a key this member trusts; same kernels`)], plan };
    } catch (error) {
      return { checks: [known, ...faultsOf("Plan", error)] };
    }
  } catch (error) {
    return { checks: faultsOf(name, error) };
  } finally {
    client.close();
  }
}

/** Whether the owner's policy, as it is now, would let this plan be worked on. */
async function policyCheck(site: SiteFile, facts: PlantFacts, { plan, sha256 }: OpenedPlan, identity: Identity): Promise<Check> {
  const name = "Policy";
  const folder = dirname(facts.siteFile as string);
  const policy: Policy =
    typeof site.policy === "string"
      ? readPolicy(readText(join(folder, site.policy), "a policy file"), site.policy)
      : (site.policy ?? defaultPolicy);
  const under = plan.members.find((one) => one.name === identity.name)?.under;
  const file = parseFederation(plan.file);
  const decision = decide(policy, {
    plan: planFacts(file, {
      sha256,
      cohort: plan.members.filter((one) => one.under === under).length,
      plugins: Object.values(plan.plugins),
    }),
    request: requestFacts({ type: "ask", exchange: 0, topic: "statistics", body: {} }, sha256, under ?? ""),
    history: [],
    now: systemClock.now(),
    paused: existsSync(join(folder, policy.pause)) || existsSync(join(facts.data, policy.pause)),
  });
  if (decision.permit)
    return ok(
      name,
      site.policy === undefined ? "none of the owner's own: everything but code that comes with a plan" : "permits this plan now",
    );
  const until = decision.until === undefined ? "" : `, until ${new Date(decision.until).toISOString()}`;
  return warn(name, `${decision.rule}: ${decision.reason}${until}`, "the owner decides; the plant says so to the coordinator and waits");
}

async function rowsCheck(site: SiteFile, file: FederationFile, facts: PlantFacts, context: Context): Promise<readonly Check[]> {
  const { checkSite } = await import("../../edge/check.js");
  const folder = dirname(facts.siteFile as string);
  const found = await checkSite(site, file, {
    folder,
    ...(facts.federation === undefined ? {} : { federationFolder: dirname(facts.federation) }),
    ...(context.env.MILLWRIGHT_DATA === undefined ? {} : { dataRoot: context.env.MILLWRIGHT_DATA }),
  });
  const { rows, columns, windows } = found.facts;
  const summary = `${rows} rows, ${columns.length} columns${windows === undefined ? "" : `, ${windows.train} windows to train on`}`;
  const line = ({ where, expected, got }: { where?: string; expected: string; got: string }): string =>
    `${where === undefined ? "" : `${where}: `}expected ${expected}, got ${got}`;
  return [
    ...(found.ok ? [ok("Rows", summary)] : []),
    ...found.faults.slice(0, 20).map((one) => failed("Rows", line(one), one.remedy ?? "`join --check` shows the whole table")),
    ...found.warnings.slice(0, 20).map((one) => warn("Rows", line(one), one.remedy ?? "`join --check` shows the whole table")),
  ];
}
