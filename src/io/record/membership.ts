/** Members, certificates, invitations, nonces: who may come in. */
import { fail } from "../../core/errors.js";
import type { RecordStore, TokenUse } from "../../core/record.js";
import { change, type Ground, sameRow, unchanged } from "./change.js";
import { certificateToRow, memberToRow, rowToCertificate, rowToMember, rowToToken, tokenToRow } from "./rows.js";
import { hash, name, text, whole } from "./values.js";

type Membership = Pick<
  RecordStore,
  | "members"
  | "member"
  | "putMember"
  | "revokeMember"
  | "touch"
  | "putCertificate"
  | "certificate"
  | "certificates"
  | "revokeCertificate"
  | "revoked"
  | "putToken"
  | "useToken"
  | "tokens"
  | "useNonce"
>;

/** One lock for all of it: an enrolment and a revocation of the same name must not pass each other. */
const lock = "members";
const many = 1_000_000;

export function membershipOver(ground: Ground): Membership {
  return { ...members(ground), ...certificates(ground), ...admission(ground) };
}

function members(ground: Ground): Pick<Membership, "members" | "member" | "putMember" | "revokeMember" | "touch"> {
  const { engine, limits } = ground;
  return {
    members: () => engine.read(async (rows) => (await rows.find("members", { where: [], limit: many })).map(rowToMember)),

    member: (who) =>
      engine.read(async (rows) => {
        const row = await rows.get("members", { name: who });
        return row === undefined ? undefined : rowToMember(row);
      }),

    putMember: (row, also) =>
      change(ground, lock, also, async (rows) => {
        const fresh = memberToRow(row, limits.json);
        const there = await rows.get("members", { name: row.name });
        if (there === undefined) {
          const count = await rows.count("members", []);
          if (count >= limits.members) {
            fail("LIMIT_EXCEEDED", { where: "members", expected: `at most ${limits.members} members`, got: String(count + 1) });
          }
        } else if (there.state === "revoked" && fresh.state === "active") {
          fail("RECORD_CONFLICT", {
            where: `member ${row.name}`,
            expected: "a new invitation first",
            got: "a revoked member made active",
            remedy: "invite it again and let it enroll with a new key",
          });
        }
        await rows.put("members", { ...fresh, last_seen: Math.max(fresh.last_seen, there?.last_seen ?? 0) });
      }),

    revokeMember: (who, by, reason, at, also) => {
      const entry = { at, actor: by, action: "revoke", target: who, detail: { reason } };
      return change(ground, lock, { ...also, audit: [entry, ...(also?.audit ?? [])] }, async (rows) => {
        const there = await rows.get("members", { name: who });
        if (there === undefined) fail("RECORD_MISSING", { where: "members", expected: `member ${who}`, got: "no such member" });
        if (there.state === "revoked") return unchanged;
        await rows.put("members", {
          ...there,
          state: "revoked",
          revoked_at: whole("revokedAt", at),
          revoked_by: name("revokedBy", by),
          reason: text("reason", reason),
        });
        await rows.set(
          "certificates",
          [
            ["member", "=", who],
            ["revoked_at", "is null"],
          ],
          { revoked_at: at },
        );
        await rows.remove("tokens", [
          ["name", "=", who],
          ["used_at", "is null"],
        ]);
      });
    },

    touch: (names, at) =>
      names.length === 0
        ? Promise.resolve()
        : change(ground, lock, undefined, (rows) =>
            rows.set(
              "members",
              [
                ["name", "in", names],
                ["last_seen", "<", whole("lastSeen", at)],
              ],
              { last_seen: at },
            ),
          ),
  };
}

function certificates(
  ground: Ground,
): Pick<Membership, "putCertificate" | "certificate" | "certificates" | "revokeCertificate" | "revoked"> {
  const { engine } = ground;
  return {
    putCertificate: (row, also) =>
      change(ground, lock, also, async (rows) => {
        const fresh = certificateToRow(row);
        const there = await rows.get("certificates", { serial: row.serial });
        if (there === undefined) return rows.add("certificates", [fresh]);
        if (sameRow(there, fresh)) return unchanged;
        return fail("RECORD_CONFLICT", { where: `certificate ${row.serial}`, expected: "a new serial", got: `one of ${there.member}` });
      }),

    certificate: (serial) =>
      engine.read(async (rows) => {
        const row = await rows.get("certificates", { serial });
        return row === undefined ? undefined : rowToCertificate(row);
      }),

    certificates: (member) =>
      engine.read(async (rows) => {
        const where = [["member", "=", member]] as const;
        return (await rows.find("certificates", { where, order: ["not_before", "serial"], descending: true, limit: many })).map(
          rowToCertificate,
        );
      }),

    revokeCertificate: (serial, at, also) =>
      change(ground, lock, also, async (rows) => {
        const there = await rows.get("certificates", { serial });
        if (there === undefined)
          fail("RECORD_MISSING", { where: "certificates", expected: `serial ${serial}`, got: "no such certificate" });
        if (there.revoked_at !== null) return unchanged;
        await rows.put("certificates", { ...there, revoked_at: whole("revokedAt", at) });
      }),

    revoked: (now) =>
      engine.read(async (rows) =>
        (
          await rows.find("certificates", {
            where: [
              ["revoked_at", "is not null"],
              ["not_after", ">", now],
            ],
            limit: many,
          })
        ).map(rowToCertificate),
      ),
  };
}

function admission(ground: Ground): Pick<Membership, "putToken" | "useToken" | "tokens" | "useNonce"> {
  const { engine, limits } = ground;
  return {
    putToken: (row, also) =>
      change(ground, lock, also, async (rows) => {
        const fresh = tokenToRow(row);
        const there = await rows.get("tokens", { hash: row.hash });
        if (there !== undefined) {
          if (sameRow(there, fresh)) return unchanged;
          fail("RECORD_CONFLICT", { where: "tokens", expected: "a new token", got: `one made for ${there.name}` });
        }
        const count = await rows.count("tokens", [["used_at", "is null"]]);
        if (count >= limits.tokens) {
          fail("LIMIT_EXCEEDED", {
            where: "tokens",
            expected: `at most ${limits.tokens} unused invitations`,
            got: String(count + 1),
            remedy: "wait until some are used or expire, and prune",
          });
        }
        await rows.add("tokens", [fresh]);
      }),

    useToken: async (token, spki, now, also) => {
      let outcome: TokenUse = { granted: false, reason: "unknown" };
      await change(ground, lock, also, async (rows) => {
        outcome = { granted: false, reason: "unknown" };
        const there = await rows.get("tokens", { hash: token });
        if (there === undefined) return unchanged;
        const refused = there.used_at !== null && there.used_by !== spki ? "used" : there.expires_at <= now ? "expired" : undefined;
        if (refused !== undefined) {
          outcome = { granted: false, reason: refused };
          return unchanged;
        }
        const used = { ...there, used_at: there.used_at ?? whole("usedAt", now), used_by: hash("usedBy", spki) };
        outcome = { granted: true, token: rowToToken(used) };
        if (there.used_at !== null) return unchanged;
        await rows.put("tokens", used);
      });
      return outcome;
    },

    tokens: (now) =>
      engine.read(async (rows) =>
        (
          await rows.find("tokens", {
            where: [
              ["used_at", "is null"],
              ["expires_at", ">", now],
            ],
            limit: many,
          })
        ).map(rowToToken),
      ),

    useNonce: async (member, nonce, expiresAt, now) => {
      name("nonce.member", member);
      name("nonce", nonce);
      if (whole("nonce.expiresAt", expiresAt) <= now) return false;
      let fresh = false;
      await change(ground, `nonces:${member}`, undefined, async (rows) => {
        fresh = false;
        await rows.remove("nonces", [
          ["member", "=", member],
          ["expires_at", "<=", now],
        ]);
        if ((await rows.get("nonces", { member, nonce })) !== undefined) return;
        const live = await rows.count("nonces", [["member", "=", member]]);
        if (live >= limits.nonces) {
          fail("LIMIT_EXCEEDED", {
            where: `nonces of ${member}`,
            expected: `at most ${limits.nonces} requests within the clock tolerance`,
            got: String(live + 1),
            remedy: "slow down",
          });
        }
        await rows.add("nonces", [{ member, nonce, expires_at: expiresAt }]);
        fresh = true;
      });
      return fresh;
    },
  };
}
