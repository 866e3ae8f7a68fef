/**
 * Released models over the network: the list, the parts of one, and the two decisions about it. Who let a node into the federation cannot
 * publish (IEC 62443-3-3 SR 2.1, segregation of duties); a model that turned out bad can be withdrawn by more people than can publish one.
 */
import { z } from "zod";
import type { BlobStore } from "../core/blobs.js";
import { fail } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import type { RecordStore, ReleaseRow } from "../core/record.js";
import { type Call, type Caller, type Reply, type Route, roles } from "../core/route.js";
import type { Membership } from "./membership.js";
import { recordSetting } from "./release.js";
import { mayDo, rolesFor } from "./roles.js";

export interface ReleaseRouteParts {
  readonly blobs: Pick<BlobStore, "get">;
  readonly record: Pick<RecordStore, "release" | "releases" | "setReleaseState" | "setting">;
  readonly membership: Pick<Membership, "mayRelease">;
  readonly federation: string;
  readonly clock: Pick<Clock, "now">;
  /** Somebody decided about a release; for the log. */
  readonly decided: (version: number, state: ReleaseRow["state"], by: string) => void;
}

const none = { kind: "none", limit: 0 } as const;
const decisionSchema = z.strictObject({ action: z.enum(["publish", "withdraw"]), reason: z.string().min(1).max(500) });

export function releaseRoutes(parts: ReleaseRouteParts): readonly Route[] {
  const { record } = parts;
  return [
    {
      name: "releases",
      method: "GET",
      path: "/v1/releases",
      auth: "member",
      roles: rolesFor("releases.read"),
      body: none,
      handle: async ({ caller, query }) => {
        const all = await record.releases(parts.federation, { after: wholeOf("after", query.after ?? "0"), limit: 1000 });
        return { status: 200, json: { releases: all.filter((one) => mayRead(one, caller)) } };
      },
    },
    {
      name: "release-part",
      method: "GET",
      path: "/v1/releases/:version/:part",
      auth: "member",
      roles: rolesFor("releases.read"),
      body: none,
      traffic: "bulk",
      handle: async (call) => releasePart(parts, call),
    },
    {
      name: "release-decide",
      method: "POST",
      path: "/v1/releases/:version",
      auth: "member",
      roles: roles.filter((role) => mayDo(role, "release.publish") || mayDo(role, "release.withdraw")),
      body: { kind: "json", limit: 4 << 10 },
      handle: async ({ caller, params, json }) => decide(parts, caller as Caller, wholeOf("version", params.version), json),
    },
  ];
}

async function decide(parts: ReleaseRouteParts, caller: Caller, version: number, json: unknown): Promise<Reply> {
  const read = decisionSchema.safeParse(json);
  if (!read.success) {
    return fail("REQUEST_INVALID", { where: "body", expected: "action: publish or withdraw, and a reason", got: "something else" });
  }
  const { action, reason } = read.data;
  if (action === "publish") await parts.membership.mayRelease(caller);
  else if (!mayDo(caller.role, "release.withdraw")) {
    fail("AUTH_FORBIDDEN", { where: caller.name, expected: `a role of ${rolesFor("release.withdraw").join(", ")}`, got: caller.role });
  }
  const before = await parts.record.release(parts.federation, version);
  if (before === undefined) return fail("RECORD_MISSING", { where: "releases", expected: "a version that is there", got: `${version}` });
  const state = action === "publish" ? "released" : "withdrawn";
  const at = parts.clock.now();
  const audit = { at, actor: caller.name, action: `release.${action}`, target: String(version), detail: { reason, model: before.model } };
  await parts.record.setReleaseState(parts.federation, version, state, caller.name, at, { audit: [audit] });
  parts.decided(version, state, caller.name);
  return { status: 200, json: { version, state } };
}

async function releasePart({ record, blobs, federation }: ReleaseRouteParts, { caller, params }: Call): Promise<Reply> {
  const release = await record.release(federation, wholeOf("version", params.version));
  const digest = release === undefined ? undefined : await digestOf(record, release, params.part);
  if (release === undefined || digest === undefined || !mayRead(release, caller)) {
    return fail("BLOB_MISSING", { where: "release", expected: "a release that this caller may read", got: "none" });
  }
  const bytes = await blobs.get(digest);
  if (bytes === undefined) return fail("BLOB_MISSING", { where: `release ${release.version}`, expected: `blob ${digest}`, got: "none" });
  return { status: 200, bytes, headers: { "content-type": "application/octet-stream", "x-sha256": digest } };
}

/** The blob of one part; a name that is none of them has none. */
async function digestOf(record: ReleaseRouteParts["record"], release: ReleaseRow, part: string): Promise<string | undefined> {
  switch (part) {
    case "bundle":
      return release.bundle;
    case "envelope":
      return release.envelope;
    case "plan":
      return release.plan;
    case "record":
      return record.setting(recordSetting(release.version));
    default:
      return undefined;
  }
}

/** A candidate is seen by those who may release it; what was withdrawn is named, so that nobody wonders where it went. */
function mayRead(release: Pick<ReleaseRow, "state" | "readers">, caller: Caller | undefined): boolean {
  if (caller === undefined) return false;
  if (["admin", "operator", "auditor", "scientist"].includes(caller.role)) return true;
  if (release.state !== "released") return false;
  return release.readers === undefined || release.readers.includes(caller.name) || release.readers.includes(`role:${caller.role}`);
}

function wholeOf(where: string, value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  return fail("REQUEST_INVALID", { where, expected: "a whole number of at least 0", got: JSON.stringify(value.slice(0, 40)) });
}
