/**
 * Who a member is, as its certificate says it: URI SAN `spiffe://<federation>/<org>/<name>` (SPIFFE ID, one per certificate) and the
 * role as OU of the subject. The names are held to a small alphabet, so that no place that prints or compares them can be confused.
 */
import { fail } from "../../core/errors.js";
import { type Role, roles } from "../../core/route.js";

/** A trust domain: the federation's name, as in its file. */
const federationName = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** A segment of the path: an organisation or a member. */
const segment = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export interface Identity {
  readonly federation: string;
  readonly org: string;
  readonly name: string;
  readonly role: Role;
}

/** `spiffe://<federation>/<org>/<name>`. */
export function spiffeId({ federation, org, name }: Omit<Identity, "role">): string {
  return `spiffe://${federation}/${org}/${name}`;
}

/** Throws where a part is not a name of this alphabet. Errors: CERTIFICATE_INVALID. */
export function checkIdentity({ federation, org, name, role }: Identity): void {
  checkFederation(federation);
  if (!segment.test(org)) wrong("org", "1 to 64 letters, digits, dots, dashes and underscores", org);
  if (!segment.test(name)) wrong("name", "1 to 64 letters, digits, dots, dashes and underscores", name);
  if (!isRole(role)) wrong("role", roles.join(", "), String(role));
}

/** Errors: CERTIFICATE_INVALID. */
export function checkFederation(federation: string): void {
  if (!federationName.test(federation)) {
    wrong("federation", "1 to 64 lower-case letters, digits, dots, dashes and underscores", federation);
  }
}

export function isRole(text: unknown): text is Role {
  return (roles as readonly unknown[]).includes(text);
}

/** Federation, organisation and name of a SPIFFE ID that is exactly ours; undefined for any other text. */
export function parseSpiffeId(uri: string): Omit<Identity, "role"> | undefined {
  const parts = /^spiffe:\/\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(uri);
  if (parts === null || !federationName.test(parts[1]) || !segment.test(parts[2]) || !segment.test(parts[3])) return undefined;
  return { federation: parts[1], org: parts[2], name: parts[3] };
}

function wrong(where: string, expected: string, got: string): never {
  fail("CERTIFICATE_INVALID", { where, expected, got: JSON.stringify(String(got).slice(0, 80)) });
}
