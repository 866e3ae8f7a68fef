/** Values of the record to rows of its tables and back. Optional fields are left out, never undefined, so that rows compare. */
import type { Millis } from "../../core/quantities.js";
import type {
  AuditEntry,
  AuditRow,
  CertificateRow,
  ClosedRow,
  InputKind,
  Lease,
  LoggedInput,
  MemberRow,
  MemberState,
  OutboxEntry,
  OutboxRow,
  ReleaseRow,
  ReleaseState,
  Role,
  RoundRow,
  RunRow,
  RunState,
  TokenRow,
} from "../../core/record.js";
import type { Tables } from "./tables.js";
import { finite, hash, json, longTextLimit, name, oneOf, orNull, parsed, text, whole } from "./values.js";

const roles: readonly Role[] = ["admin", "operator", "scientist", "auditor", "aggregator", "site", "witness"];
const runStates: readonly RunState[] = ["running", "paused", "finished", "failed"];
const memberStates: readonly MemberState[] = ["invited", "active", "revoked"];
const releaseStates: readonly ReleaseState[] = ["candidate", "released", "withdrawn"];
const kinds: readonly InputKind[] = ["start", "message", "parent", "timer"];

const time = (where: string) => (value: number) => whole(where, value);
const line = (where: string) => (value: string) => text(where, value);
const digest = (where: string) => (value: string) => hash(where, value);

/** `{ key: value }`, or nothing where there is no value. */
function some<K extends string, V>(key: K, value: V | null): { readonly [P in K]?: V } {
  return value === null ? {} : ({ [key]: value } as { [P in K]: V });
}

export function runToRow(run: RunRow): Tables["runs"] {
  return {
    id: name("run.id", run.id),
    federation: name("run.federation", run.federation),
    node: name("run.node", run.node),
    plan: hash("run.plan", run.plan),
    seed: whole("run.seed", run.seed, Number.MIN_SAFE_INTEGER),
    started_at: whole("run.startedAt", run.startedAt),
    state: oneOf("run.state", run.state, runStates),
    error: orNull(run.error, line("run.error")),
    snapshot_seq: orNull(run.snapshot?.seq, time("run.snapshot.seq")),
    snapshot_blob: orNull(run.snapshot?.blob, digest("run.snapshot.blob")),
    last_seq: run.snapshot?.seq ?? 0,
    closed: 0,
  };
}

export function rowToRun(row: Tables["runs"]): RunRow {
  return {
    id: row.id,
    federation: row.federation,
    node: row.node,
    plan: row.plan,
    seed: row.seed,
    startedAt: row.started_at as Millis,
    state: row.state as RunState,
    ...some("error", row.error),
    ...(row.snapshot_seq === null || row.snapshot_blob === null ? {} : { snapshot: { seq: row.snapshot_seq, blob: row.snapshot_blob } }),
  };
}

export function inputToRow(run: string, input: LoggedInput): Tables["inputs"] {
  return {
    run,
    seq: whole("input.seq", input.seq, 1),
    at: whole("input.at", input.at),
    kind: oneOf("input.kind", input.kind, kinds),
    sender: orNull(input.from, line("input.from")),
    blob: orNull(input.blob, digest("input.blob")),
    key: orNull(input.key, line("input.key")),
  };
}

export function rowToInput(row: Tables["inputs"]): LoggedInput {
  return {
    seq: row.seq,
    at: row.at as Millis,
    kind: row.kind as InputKind,
    ...some("from", row.sender),
    ...some("blob", row.blob),
    ...some("key", row.key),
  };
}

export function roundToRow(round: RoundRow, ordinal: number, jsonLimit: number): Tables["rounds"] {
  return {
    run: name("round.run", round.run),
    ordinal,
    round: whole("round.round", round.round),
    attempt: whole("round.attempt", round.attempt),
    closed_at: whole("round.closedAt", round.closedAt),
    model: orNull(round.model, digest("round.model")),
    loss: finite("round.loss", round.loss),
    members: whole("round.members", round.members),
    weight: finite("round.weight", round.weight),
    included: json("round.included", round.included, jsonLimit),
    excluded: json("round.excluded", round.excluded, jsonLimit),
    bytes_up: whole("round.bytesUp", round.bytesUp),
    bytes_down: whole("round.bytesDown", round.bytesDown),
  };
}

export function rowToRound(row: Tables["rounds"]): ClosedRow {
  return {
    run: row.run,
    ordinal: row.ordinal,
    round: row.round,
    attempt: row.attempt,
    closedAt: row.closed_at as Millis,
    ...some("model", row.model),
    loss: row.loss,
    members: row.members,
    weight: row.weight,
    included: parsed("rounds.included", row.included),
    excluded: parsed("rounds.excluded", row.excluded),
    bytesUp: row.bytes_up,
    bytesDown: row.bytes_down,
  };
}

export function memberToRow(member: MemberRow, jsonLimit: number): Tables["members"] {
  return {
    name: name("member.name", member.name),
    org: name("member.org", member.org),
    role: oneOf("member.role", member.role, roles),
    state: oneOf("member.state", member.state, memberStates),
    spki: orNull(member.spki, digest("member.spki")),
    serial: orNull(member.serial, line("member.serial")),
    certificate: orNull(member.certificate, (value) => text("member.certificate", value, longTextLimit)),
    expires_at: orNull(member.expiresAt, time("member.expiresAt")),
    enrolled_at: orNull(member.enrolledAt, time("member.enrolledAt")),
    revoked_at: orNull(member.revokedAt, time("member.revokedAt")),
    revoked_by: orNull(member.revokedBy, line("member.revokedBy")),
    reason: orNull(member.reason, line("member.reason")),
    last_seen: whole("member.lastSeen", member.lastSeen ?? 0),
    meta: json("member.meta", member.meta, jsonLimit),
  };
}

export function rowToMember(row: Tables["members"]): MemberRow {
  return {
    name: row.name,
    org: row.org,
    role: row.role as Role,
    state: row.state as MemberState,
    ...some("spki", row.spki),
    ...some("serial", row.serial),
    ...some("certificate", row.certificate),
    ...some("expiresAt", row.expires_at as Millis | null),
    ...some("enrolledAt", row.enrolled_at as Millis | null),
    ...some("revokedAt", row.revoked_at as Millis | null),
    ...some("revokedBy", row.revoked_by),
    ...some("reason", row.reason),
    ...some("lastSeen", row.last_seen === 0 ? null : (row.last_seen as Millis)),
    meta: parsed("members.meta", row.meta),
  };
}

export function certificateToRow(one: CertificateRow): Tables["certificates"] {
  return {
    serial: name("certificate.serial", one.serial),
    member: name("certificate.member", one.member),
    spki: hash("certificate.spki", one.spki),
    not_before: whole("certificate.notBefore", one.notBefore),
    not_after: whole("certificate.notAfter", one.notAfter),
    revoked_at: orNull(one.revokedAt, time("certificate.revokedAt")),
  };
}

export function rowToCertificate(row: Tables["certificates"]): CertificateRow {
  return {
    serial: row.serial,
    member: row.member,
    spki: row.spki,
    notBefore: row.not_before as Millis,
    notAfter: row.not_after as Millis,
    ...some("revokedAt", row.revoked_at as Millis | null),
  };
}

export function tokenToRow(token: TokenRow): Tables["tokens"] {
  return {
    hash: hash("token.hash", token.hash),
    name: name("token.name", token.name),
    org: name("token.org", token.org),
    role: oneOf("token.role", token.role, roles),
    expires_at: whole("token.expiresAt", token.expiresAt),
    created_by: name("token.createdBy", token.createdBy),
    used_at: orNull(token.usedAt, time("token.usedAt")),
    used_by: orNull(token.usedBy, digest("token.usedBy")),
  };
}

export function rowToToken(row: Tables["tokens"]): TokenRow {
  return {
    hash: row.hash,
    name: row.name,
    org: row.org,
    role: row.role as Role,
    expiresAt: row.expires_at as Millis,
    createdBy: row.created_by,
    ...some("usedAt", row.used_at as Millis | null),
    ...some("usedBy", row.used_by),
  };
}

export function auditToRow(entry: AuditEntry, seq: number, jsonLimit: number): Tables["audit"] {
  return {
    seq,
    at: whole("audit.at", entry.at),
    actor: name("audit.actor", entry.actor),
    action: name("audit.action", entry.action),
    target: orNull(entry.target, line("audit.target")),
    detail: json("audit.detail", entry.detail, jsonLimit),
  };
}

export function rowToAudit(row: Tables["audit"]): AuditRow {
  return {
    seq: row.seq,
    at: row.at as Millis,
    actor: row.actor,
    action: row.action,
    ...some("target", row.target),
    detail: parsed("audit.detail", row.detail),
  };
}

export function releaseToRow(release: ReleaseRow, jsonLimit: number): Tables["releases"] {
  return {
    federation: name("release.federation", release.federation),
    version: whole("release.version", release.version, 1),
    run: name("release.run", release.run),
    round: whole("release.round", release.round),
    model: hash("release.model", release.model),
    bundle: hash("release.bundle", release.bundle),
    envelope: hash("release.envelope", release.envelope),
    members: json("release.members", release.members, jsonLimit),
    plan: hash("release.plan", release.plan),
    fingerprints: json("release.dataFingerprints", release.dataFingerprints, jsonLimit),
    created_at: whole("release.createdAt", release.createdAt),
    state: oneOf("release.state", release.state, releaseStates),
    released_by: orNull(release.releasedBy, line("release.releasedBy")),
    released_at: orNull(release.releasedAt, time("release.releasedAt")),
    readers: orNull(release.readers, (value) => json("release.readers", value, jsonLimit)),
  };
}

export function rowToRelease(row: Tables["releases"]): ReleaseRow {
  return {
    federation: row.federation,
    version: row.version,
    run: row.run,
    round: row.round,
    model: row.model,
    bundle: row.bundle,
    envelope: row.envelope,
    members: parsed("releases.members", row.members),
    plan: row.plan,
    dataFingerprints: parsed("releases.fingerprints", row.fingerprints),
    createdAt: row.created_at as Millis,
    state: row.state as ReleaseState,
    ...some("releasedBy", row.released_by),
    ...some("releasedAt", row.released_at as Millis | null),
    ...some("readers", row.readers === null ? null : parsed<readonly string[]>("releases.readers", row.readers)),
  };
}

export function outboxToRow(entry: OutboxEntry, position: number): Tables["outbox"] {
  return {
    id: name("outbox.id", entry.id),
    position,
    topic: name("outbox.topic", entry.topic),
    ref: text("outbox.ref", entry.ref),
    created_at: whole("outbox.createdAt", entry.createdAt),
    published_at: 0,
    done_at: 0,
  };
}

export function rowToOutbox(row: Tables["outbox"]): OutboxRow {
  return {
    id: row.id,
    topic: row.topic,
    ref: row.ref,
    createdAt: row.created_at as Millis,
    ...some("publishedAt", row.published_at === 0 ? null : (row.published_at as Millis)),
    ...some("doneAt", row.done_at === 0 ? null : (row.done_at as Millis)),
  };
}

export function rowToLease(row: Tables["leases"]): Lease {
  return { name: row.name, holder: row.holder, token: row.token, until: row.until_at as Millis };
}
