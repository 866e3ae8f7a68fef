/** Every role at every address, over the wire: the matrix is generated from the table that the coordinator serves. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actionsOf, roleTable } from "../../src/coordinator/roles.js";
import { routeTable } from "../../src/coordinator/route-table.js";
import { type Role, roles } from "../../src/core/route.js";
import { systemClock } from "../../src/io/clock.js";
import { httpsClient } from "../../src/io/transport/client.js";
import { matrixOf } from "../../src/io/transport/router.js";
import { asked, type Member, type World, world } from "./world.js";

/** Who may call each route, written down by hand: a new route without a line here fails, and so does one that opens up. */
const everybody = "admin operator scientist auditor aggregator site witness";
const allowed: Readonly<Record<string, string>> = {
  health: "public",
  ready: "public",
  enroll: "public",
  metrics: "admin operator auditor",
  plan: everybody,
  next: "aggregator site",
  reply: "aggregator site",
  status: everybody,
  rounds: "admin operator scientist auditor witness",
  runs: "admin operator scientist auditor witness",
  audit: "admin auditor witness",
  control: "admin scientist",
  releases: everybody,
  "release-part": everybody,
  "release-decide": "admin scientist",
  renew: everybody,
  invite: "admin operator",
  revoke: "admin operator",
  members: "admin operator auditor",
  "blobs.read": "aggregator site",
  "uploads.state": "aggregator site",
  "uploads.write": "aggregator site",
};

let there: World;
const members = new Map<string, Member>();
beforeAll(async () => {
  there = await world();
  for (const role of roles) members.set(role, await there.join(role === "site" ? there.sites[0] : `a-${role}`, role));
}, 30_000);
afterAll(() => there.close());

/** Routes whose body is bytes. */
const bytes = new Set(["reply", "uploads.write"]);
const digest = "ab".repeat(32);
const concrete = (path: string): string => path.replace(":sha256", digest).replace(":version", "9").replace(":part", "bundle");

describe("the table", () => {
  it("is the one that is served, and says of each route who may call it", () => {
    expect(matrixOf(there.coordinator.routes)).toEqual(routeTable());
    for (const { route, may } of routeTable()) {
      const said = may === "public" ? "public" : roles.filter((role) => may[role]).join(" ");
      expect(`${route}: ${said}`).toBe(`${route}: ${allowed[route]}`);
    }
    expect(Object.keys(allowed).sort()).toEqual(
      routeTable()
        .map(({ route }) => route)
        .sort(),
    );
  });

  it("keeps apart who lets nodes in and who releases models, by role", () => {
    for (const role of roles) {
      const may = actionsOf(role);
      expect(may.includes("release.publish") && may.includes("member.invite")).toBe(false);
    }
    expect(roleTable().length).toBeGreaterThan(10);
  });
});

describe("every cell", () => {
  it.each(routeTable())("$method $path", async ({ route, method, path, may }) => {
    for (const [role, member] of members) {
      const body = method === "GET" || method === "HEAD" ? {} : bytes.has(route) ? { bytes: new Uint8Array(3) } : { json: {} };
      const { code, status } = await member.ask({ method: method as "GET", path: concrete(path), ...body });
      // Whoever may call is never told that its role may not; what is wrong with the rest of the request is another matter.
      const told = code.startsWith("AUTH_") ? `${code} ${status}` : "let in";
      const may2 = may === "public" || may[role as Role];
      expect(`${role}: ${told}`).toBe(`${role}: ${may2 ? "let in" : "AUTH_FORBIDDEN 403"}`);
      expect(status).not.toBe(500);
    }
  });

  it.each(routeTable())("$method $path, to somebody without a certificate", async ({ method, path, may }) => {
    const { identity } = members.get("site") as Member;
    const stranger = httpsClient({ url: there.coordinator.url, tls: { ca: identity.authority }, clock: systemClock, env: {} });
    const { code, status } = await asked(
      stranger.request({ method: method as "GET", path: concrete(path), ...(method === "POST" ? { json: {} } : {}) }),
    );
    stranger.close();
    expect(status).not.toBe(500);
    if (may === "public") expect(code.startsWith("AUTH_")).toBe(false);
    else expect([code, status]).toEqual(["AUTH_REQUIRED", 401]);
  });

  it("that is not in the table does not exist, for nobody", async () => {
    for (const member of members.values()) {
      for (const path of ["/v1/keys", "/v1/../home", "/", "/v1/blobs", "/admin"]) {
        expect((await member.ask({ method: "GET", path })).code).toBe("ROUTE_UNKNOWN");
      }
      expect((await member.ask({ method: "DELETE", path: "/v1/members" })).code).toBe("ROUTE_UNKNOWN");
    }
  });
});
