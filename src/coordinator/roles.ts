/**
 * Which role may do what: the one table from which routes take their roles. What it does not name is refused. Separation of duties
 * (IEC 62443-3-3 SR 2.1): no role may both let a node in and release a model, and whoever ever did the one is refused the other even
 * under a later role (membership.mayRelease).
 */
import { type Role, roles } from "../core/route.js";

export const actions = {
  /** Take tasks, send replies and blobs, say that one is there. */
  "round.take-part": ["site", "aggregator"],
  "plan.read": ["admin", "operator", "scientist", "auditor", "aggregator", "site", "witness"],
  "certificate.renew": ["admin", "operator", "scientist", "auditor", "aggregator", "site", "witness"],
  "status.read": ["admin", "operator", "scientist", "auditor", "aggregator", "site", "witness"],
  "members.read": ["admin", "operator", "auditor"],
  "rounds.read": ["admin", "operator", "scientist", "auditor", "witness"],
  "releases.read": ["admin", "operator", "scientist", "auditor", "aggregator", "site", "witness"],
  "audit.read": ["admin", "auditor", "witness"],
  "metrics.read": ["admin", "operator", "auditor"],
  /** Let a node in; an operator only into its own organisation and only as site or aggregator. */
  "member.invite": ["admin", "operator"],
  /** Shut a node out; an operator only of its own organisation. */
  "member.revoke": ["admin", "operator"],
  "run.control": ["admin", "scientist"],
  "release.publish": ["scientist"],
  "release.withdraw": ["scientist", "admin"],
} as const satisfies Readonly<Record<string, readonly Role[]>>;

export type Action = keyof typeof actions;

/** Roles that an operator may invite. */
export const operatorInvites: readonly Role[] = ["site", "aggregator"];

/** Who may do it; nobody for an action that is not in the table. */
export function rolesFor(action: Action): readonly Role[] {
  return Object.hasOwn(actions, action) ? actions[action] : [];
}

/** Whether a role may do something. */
export function mayDo(role: Role, action: Action): boolean {
  return rolesFor(action).includes(role);
}

/** Everything a role may do, for the table in the documentation. */
export function actionsOf(role: Role): readonly Action[] {
  return (Object.keys(actions) as Action[]).filter((action) => mayDo(role, action));
}

/** Role by action, for documents and tests. */
export function roleTable(): readonly { readonly action: Action; readonly may: Readonly<Record<Role, boolean>> }[] {
  return (Object.keys(actions) as Action[]).map((action) => ({
    action,
    may: Object.fromEntries(roles.map((role) => [role, mayDo(role, action)])) as Record<Role, boolean>,
  }));
}
