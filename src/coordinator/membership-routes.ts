/** Joining and leaving over the network: enrolment with a token, renewal, invitations, revocation, the list of members. */
import { z } from "zod";
import { fail } from "../core/errors.js";
import { millis } from "../core/quantities.js";
import type { RecordStore } from "../core/record.js";
import { type Call, type Caller, type Route, roles } from "../core/route.js";
import type { Membership } from "./membership.js";
import { rolesFor } from "./roles.js";

const small = 16 << 10;
const name = z.string().min(1).max(128);

const enrolSchema = z.strictObject({ secret: z.string().max(256), request: z.string().max(8192) });
const renewSchema = z.strictObject({ request: z.string().max(8192) });
const inviteSchema = z.strictObject({ name, org: name, role: z.enum(roles), ttlMs: z.int().min(1).optional() });
const revokeSchema = z
  .strictObject({ name: name.optional(), serial: z.string().max(64).optional(), reason: z.string().min(1).max(500) })
  .refine((one) => (one.name === undefined) !== (one.serial === undefined), "either a name or a serial");

export function membershipRoutes(parts: {
  readonly membership: Membership;
  readonly record: Pick<RecordStore, "members" | "tokens">;
  /** Addresses that go into tokens. */
  readonly urls: () => readonly string[];
  readonly now: () => number;
}): readonly Route[] {
  const { membership, record } = parts;
  return [
    {
      name: "enroll",
      method: "POST",
      path: "/v1/enroll",
      auth: "none",
      roles: [],
      body: { kind: "json", limit: small },
      async handle({ json, address }) {
        const { secret, request } = read(enrolSchema, json);
        return { status: 200, json: await membership.enrol({ secret, request, address }) };
      },
    },
    {
      name: "renew",
      method: "POST",
      path: "/v1/renew",
      auth: "member",
      roles: rolesFor("certificate.renew"),
      body: { kind: "json", limit: small },
      handle: async ({ caller, json }) => ({
        status: 200,
        json: await membership.renew(caller as Caller, read(renewSchema, json).request),
      }),
    },
    {
      name: "invite",
      method: "POST",
      path: "/v1/tokens",
      auth: "member",
      roles: rolesFor("member.invite"),
      body: { kind: "json", limit: small },
      async handle({ caller, json }: Call) {
        const { ttlMs, ...member } = read(inviteSchema, json);
        const ttl = ttlMs === undefined ? {} : { ttl: millis(ttlMs) };
        return { status: 200, json: await membership.createToken({ ...member, ...ttl, urls: parts.urls(), by: caller as Caller }) };
      },
    },
    {
      name: "revoke",
      method: "POST",
      path: "/v1/revoke",
      auth: "member",
      roles: rolesFor("member.revoke"),
      body: { kind: "json", limit: small },
      async handle({ caller, json }) {
        const asked = read(revokeSchema, json);
        const what = asked.name === undefined ? { serial: asked.serial as string } : { name: asked.name };
        return { status: 200, json: await membership.revoke(what, asked.reason, caller as Caller) };
      },
    },
    {
      name: "members",
      method: "GET",
      path: "/v1/members",
      auth: "member",
      roles: rolesFor("members.read"),
      body: { kind: "none", limit: 0 },
      handle: async () => ({
        status: 200,
        json: {
          members: (await record.members()).map(({ certificate: _, ...row }) => row),
          invitations: (await record.tokens(millis(parts.now()))).map(({ hash: _, ...row }) => row),
        },
      }),
    },
  ];
}

function read<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return fail("REQUEST_INVALID", { where: issue.path.join(".") || "body", expected: issue.message.slice(0, 200), got: "something else" });
}
