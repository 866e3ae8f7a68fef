/** Released models, the audit log, settings, leases and the outbox. */
import { fail } from "../../core/errors.js";
import type { Lease, RecordStore, ReleaseState } from "../../core/record.js";
import { change, type Ground, pageLimit, sameRow, unchanged } from "./change.js";
import { releaseToRow, rowToAudit, rowToLease, rowToOutbox, rowToRelease } from "./rows.js";
import { longTextLimit, name, text, whole } from "./values.js";

type Registry = Pick<RecordStore, "audit" | "auditLog" | "putRelease" | "release" | "releases" | "setReleaseState">;
type Work = Pick<RecordStore, "lease" | "endLease" | "outbox" | "markPublished" | "markDone" | "setting" | "putSetting" | "prune">;

const allowed: { readonly [S in ReleaseState]: readonly ReleaseState[] } = {
  candidate: ["released", "withdrawn"],
  released: ["withdrawn"],
  withdrawn: [],
};

export function registryOver(ground: Ground): Registry {
  const { engine, limits } = ground;
  return {
    audit: (entry) => change(ground, "note", { audit: [entry] }, async () => {}),

    auditLog: (page) =>
      engine.read(async (rows) =>
        (await rows.find("audit", { where: [["seq", ">", page?.after ?? 0]], limit: pageLimit(page?.limit) })).map(rowToAudit),
      ),

    putRelease: (row, also) =>
      change(ground, `releases:${row.federation}`, also, async (rows) => {
        const fresh = releaseToRow(row, limits.json);
        const there = await rows.get("releases", { federation: row.federation, version: row.version });
        if (there !== undefined) {
          // Its state may have moved on since; what it is may not.
          const { state, released_by, released_at } = there;
          if (sameRow(there, { ...fresh, state, released_by, released_at })) return unchanged;
          fail("RECORD_CONFLICT", { where: `release ${row.version}`, expected: "the release as it was", got: "another model or lineage" });
        }
        const where = [["federation", "=", row.federation]] as const;
        const last = (await rows.find("releases", { where, descending: true, limit: 1 }))[0];
        if (last !== undefined && last.version > row.version) {
          fail("RECORD_CONFLICT", { where: "release", expected: `a version above ${last.version}`, got: String(row.version) });
        }
        await rows.add("releases", [fresh]);
      }),

    release: (federation, version) =>
      engine.read(async (rows) => {
        const row = await rows.get("releases", { federation, version });
        return row === undefined ? undefined : rowToRelease(row);
      }),

    releases: (federation, page) =>
      engine.read(async (rows) => {
        const found = await rows.find("releases", {
          where: [
            ["federation", "=", federation],
            ["version", ">", page?.after ?? 0],
          ],
          limit: pageLimit(page?.limit),
        });
        return found.map(rowToRelease);
      }),

    setReleaseState: (federation, version, state, by, at, also) =>
      change(ground, `releases:${federation}`, also, async (rows) => {
        const there = await rows.get("releases", { federation, version });
        if (there === undefined) fail("RECORD_MISSING", { where: "releases", expected: `version ${version}`, got: "no such release" });
        if (there.state === state) return unchanged;
        const from = allowed[there.state as ReleaseState];
        if (!from.includes(state)) {
          fail("RECORD_CONFLICT", {
            where: `release ${version}`,
            expected: from.length === 0 ? `to stay ${there.state}` : from.join(" or "),
            got: state,
          });
        }
        const released = state === "released" ? { released_by: name("releasedBy", by), released_at: whole("releasedAt", at) } : {};
        await rows.put("releases", { ...there, ...released, state });
      }),
  };
}

export function workOver(ground: Ground): Work {
  const { engine } = ground;
  return {
    lease: async (what, holder, until, now) => {
      name("lease.name", what);
      name("lease.holder", holder);
      whole("lease.until", until);
      let lease: Lease | undefined;
      await change(ground, `lease:${what}`, undefined, async (rows) => {
        lease = undefined;
        const there = await rows.get("leases", { name: what });
        const live = there !== undefined && there.until_at > now;
        if (live && there.holder !== holder) return;
        const token = live ? there.token : (there?.token ?? 0) + 1;
        const row = { name: what, holder, token, until_at: until };
        await rows.put("leases", row);
        lease = rowToLease(row);
      });
      return lease;
    },

    endLease: (lease) =>
      change(ground, `lease:${lease.name}`, undefined, (rows) =>
        rows.set(
          "leases",
          [
            ["name", "=", lease.name],
            ["token", "=", lease.token],
          ],
          { until_at: 0 },
        ),
      ),

    outbox: (publishedBefore, limit) =>
      engine.read(async (rows) => {
        const found = await rows.find("outbox", {
          where: [
            ["done_at", "=", 0],
            ["published_at", "<", Math.max(1, publishedBefore)],
          ],
          order: ["position"],
          limit: pageLimit(limit),
        });
        return found.map(rowToOutbox);
      }),

    markPublished: (ids, at) =>
      change(ground, "outbox", undefined, (rows) => rows.set("outbox", [["id", "in", ids]], { published_at: whole("publishedAt", at, 1) })),

    // The lock is not "outbox": entries that `also` adds take that one, in its place in the order.
    markDone: (ids, at, also) =>
      change(ground, "done", also, (rows) =>
        rows.set(
          "outbox",
          [
            ["id", "in", ids],
            ["done_at", "=", 0],
          ],
          { done_at: whole("doneAt", at, 1) },
        ),
      ),

    setting: (what) => engine.read(async (rows) => (await rows.get("settings", { name: what }))?.value),

    putSetting: (what, value, also) =>
      change(ground, `setting:${what}`, also, (rows) =>
        rows.put("settings", { name: name("setting", what), value: text(`setting ${what}`, value, longTextLimit) }),
      ),

    prune: (before, now) =>
      change(ground, "members", undefined, async (rows) => {
        await rows.remove("nonces", [["expires_at", "<=", now]]);
        await rows.remove("tokens", [["expires_at", "<", before]]);
        await rows.remove("certificates", [["not_after", "<", before]]);
        await rows.remove("outbox", [
          ["done_at", ">", 0],
          ["done_at", "<", before],
        ]);
      }),
  };
}
