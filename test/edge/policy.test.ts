/** The plant's policy: each term, the order of judgement, days and windows in UTC, and what waiting would change. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { defaultPolicy, type Policy, parsePolicy, readPolicy } from "../../src/edge/policy.js";
import { type Decision, decide } from "../../src/edge/policy-decide.js";
import { explain, odrlOf } from "../../src/edge/policy-explain.js";
import type { Facts, PastShare, PlanFacts, RequestFacts } from "../../src/edge/policy-facts.js";
import { terms } from "../../src/edge/policy-terms.js";
import { dayOf, instantText, inWindows, nextBorder, weekdayOf } from "../../src/edge/policy-time.js";

const at = (text: string): number => Date.parse(text);
const sha = (letter: string): string => letter.repeat(64);
const noon = at("2026-11-18T12:00Z"); // a Wednesday
const plan: PlanFacts = { federation: "line-7", plan: sha("a"), purpose: "failure", rule: "mean", members: 6, plugins: [] };
const train: RequestFacts = { run: "r1", action: "train", stage: "work", round: 3, recipient: "facility-a" };
const ask: RequestFacts = { run: "r1", action: "answer", stage: "work", topic: "statistics", recipient: "facility-a" };
const facts = (
  more: Partial<Omit<Facts, "plan" | "request">> & { plan?: Partial<PlanFacts>; request?: Partial<RequestFacts> } = {},
): Facts => ({
  history: [],
  now: noon,
  ...more,
  plan: { ...plan, ...more.plan },
  request: { ...train, ...more.request } as RequestFacts,
});
const allow = (constraint: object, rest: object = {}): Policy =>
  parsePolicy({ policy: "p", permission: [{ action: "any", constraint }], ...rest });
const forbid = (constraint: object, action: unknown = "any"): Policy =>
  parsePolicy({ policy: "p", permission: [{ action: "any" }], prohibition: [{ action, constraint }] });
const refusal = (decision: Decision) => (decision.permit ? expect.fail("it was permitted") : decision);
const share = (when: string, more: Partial<PastShare> = {}): PastShare => ({
  at: at(when),
  federation: "line-7",
  run: "r1",
  action: "train",
  round: 1,
  bytes: 1000,
  ...more,
});

/** For every term: what is permitted under a constraint, what is not. A term without a line here fails. */
const cases: Record<string, { constraint: object; permitted: Facts[]; refused: Facts[] }> = {
  purpose: { constraint: { isAnyOf: ["failure", "rul"] }, permitted: [facts()], refused: [facts({ plan: { purpose: "anomaly" } })] },
  federation: { constraint: { eq: "line-7" }, permitted: [facts()], refused: [facts({ plan: { federation: "line-8" } })] },
  plan: { constraint: { isAnyOf: [sha("a")] }, permitted: [facts()], refused: [facts({ plan: { plan: sha("b") } })] },
  rule: { constraint: { isNoneOf: ["./mine.mjs"] }, permitted: [facts()], refused: [facts({ plan: { rule: "./mine.mjs" } })] },
  plugin: {
    constraint: { isAnyOf: [sha("c"), sha("d")] },
    permitted: [facts(), facts({ plan: { plugins: [sha("c")] } })],
    refused: [facts({ plan: { plugins: [sha("c"), sha("e")] } })],
  },
  recipient: { constraint: { isAnyOf: ["facility-a"] }, permitted: [facts()], refused: [facts({ request: { recipient: "region" } })] },
  topic: {
    constraint: { isAnyOf: ["statistics", "update"] },
    permitted: [facts(), facts({ request: ask })],
    refused: [facts({ request: { ...ask, topic: "threshold" } })],
  },
  members: {
    constraint: { gteq: 5 },
    permitted: [facts()],
    refused: [facts({ plan: { members: 4 } }), facts({ plan: { members: undefined } })],
  },
  round: {
    constraint: { lteq: 3 },
    permitted: [facts(), facts({ request: { ...ask, round: undefined } })],
    refused: [facts({ request: { round: 4 } })],
  },
  roundsPerRun: {
    constraint: { lteq: 2 },
    permitted: [
      facts({ history: [share("2026-11-01T00:00Z")] }),
      facts({ history: [share("2026-11-01T00:00Z"), share("2026-11-01T00:00Z", { run: "r0", round: 9 })] }),
    ],
    refused: [facts({ history: [share("2020-11-01T00:00Z"), share("2026-11-02T00:00Z", { round: 2 })] })],
  },
  roundsPerDay: {
    constraint: { lteq: 1 },
    permitted: [facts({ history: [share("2026-11-17T23:59Z")] }), facts({ history: [share("2026-11-18T11:00Z", { round: 3 })] })],
    refused: [
      facts({ history: [share("2026-11-18T00:00Z")] }),
      facts({ history: [share("2026-11-18T11:00Z", { run: "other", round: 3 })] }),
    ],
  },
  bytesPerRound: {
    constraint: { lteq: "10kB" },
    permitted: [facts(), facts({ request: { bytes: 10_000 } }), facts({ request: { stage: "send", bytes: 1 } })],
    refused: [
      facts({ request: { bytes: 10_001 } }),
      facts({ request: { stage: "send" } }),
      facts({ request: { bytes: 6000 }, history: [share("2026-11-18T11:00Z", { round: 3, bytes: 6000 })] }),
    ],
  },
  bytesPerDay: {
    constraint: { lt: 5000 },
    permitted: [facts(), facts({ request: { bytes: 4999 }, history: [share("2026-11-17T11:00Z", { bytes: 4999 })] })],
    refused: [facts({ request: { bytes: 4000 }, history: [share("2026-11-18T11:00Z")] })],
  },
  epsilonPerRun: {
    constraint: { lteq: 4 },
    permitted: [facts({ plan: { epsilon: 4 } })],
    refused: [facts(), facts({ plan: { epsilon: 4.5 } })],
  },
  epsilonPerYear: {
    constraint: { lteq: 8 },
    permitted: [
      facts({ plan: { epsilon: 4 }, history: [share("2026-11-17T00:00Z", { epsilon: 4 })] }),
      facts({ plan: { epsilon: 4 }, history: [share("2025-11-18T12:00Z", { run: "old", epsilon: 8 })] }),
    ],
    refused: [
      facts(),
      facts({ plan: { epsilon: 4 }, history: [share("2026-01-01T00:00Z", { run: "old", epsilon: 5 })] }),
      facts({ plan: { epsilon: 1 }, history: [share("2026-01-01T00:00Z", { run: "old" })] }),
    ],
  },
  timeOfDay: {
    constraint: { isPartOf: ["22:00-06:00", "12:00-12:30"] },
    permitted: [facts(), facts({ now: at("2026-11-18T23:00Z") }), facts({ now: at("2026-11-18T05:59:59Z") })],
    refused: [facts({ now: at("2026-11-18T06:00Z") }), facts({ now: at("2026-11-18T12:30Z") })],
  },
  weekday: { constraint: { isAnyOf: ["wed"] }, permitted: [facts()], refused: [facts({ now: noon + 12 * 3_600_000 })] },
  dateTime: {
    constraint: { gteq: "2026-11-18T12:00Z", lt: "2026-12-01" },
    permitted: [facts(), facts({ now: at("2026-11-30T23:59:59Z") })],
    refused: [facts({ now: noon - 1 }), facts({ now: at("2026-12-01T00:00Z") })],
  },
};

describe("every term", () => {
  it("has its cases", () => expect(Object.keys(cases).sort()).toEqual(Object.keys(terms).sort()));

  it.each(Object.entries(cases))("%s: permits and refuses", (name, { constraint, permitted, refused }) => {
    const policy = allow({ [name]: constraint });
    for (const one of permitted) expect(decide(policy, one)).toEqual({ permit: true });
    for (const one of refused) expect(decide(policy, one)).toMatchObject({ permit: false, rule: `permission[0].constraint.${name}` });
  });

  it.each(Object.entries(cases))("%s: stands in the explanation and in ODRL", (name, { constraint }) => {
    const policy = allow({ [name]: constraint });
    expect(explain(policy).join("\n")).toContain(`where ${name} is `);
    const { permission } = odrlOf(policy, "plant-3") as { permission: { constraint: { leftOperand: string; operator: string }[] }[] };
    expect(permission[0].constraint.map((triple) => triple.operator).sort()).toEqual(Object.keys(constraint).sort());
    expect(permission[0].constraint[0].leftOperand.replace("millwright:", "")).toBe(name);
  });
});

describe("deny by default", () => {
  it("an empty policy permits nothing", () => {
    expect(refusal(decide(parsePolicy({ policy: "p" }), facts()))).toMatchObject({ rule: "permission" });
    expect(explain(parsePolicy({ policy: "p" }))).toContain("Nothing is permitted.");
  });
  it("a permission to answer is none to train", () => {
    const policy = parsePolicy({ policy: "p", permission: [{ action: "answer" }] });
    expect(decide(policy, facts({ request: { ...ask, round: undefined } })).permit).toBe(true);
    expect(decide(policy, facts()).permit).toBe(false);
  });
  it("one of several permissions is enough, and the nearest one is told", () => {
    const policy = parsePolicy({
      policy: "p",
      permission: [
        { action: "train", constraint: { purpose: { eq: "rul" }, federation: { eq: "x" } } },
        { action: "train", constraint: { members: { gteq: 9 } } },
      ],
    });
    expect(refusal(decide(policy, facts())).rule).toBe("permission[1].constraint.members");
    expect(decide(policy, facts({ plan: { members: 9 } })).permit).toBe(true);
  });
  it("code of a plan must be named, even by the default policy", () => {
    expect(decide(defaultPolicy, facts()).permit).toBe(true);
    expect(refusal(decide(defaultPolicy, facts({ plan: { plugins: [sha("c")] } }))).rule).toBe("permission[0].constraint.plugin");
  });
});

describe("what stands above permissions", () => {
  it("the pause file, whatever is permitted", () => {
    const policy = parsePolicy({ policy: "p", permission: [{ action: "any" }], pause: "./STOP" });
    expect(refusal(decide(policy, facts({ paused: true })))).toEqual({
      permit: false,
      rule: "pause",
      reason: expect.stringContaining("./STOP"),
    });
  });
  it("vetoes of a plan, a run, a round", () => {
    const policy = allow({}, { veto: [{ plan: sha("b") }, { run: "r1", round: 3 }] });
    expect(refusal(decide(policy, facts())).rule).toBe("veto[1]");
    expect(decide(policy, facts({ request: { round: 4 } })).permit).toBe(true);
    expect(refusal(decide(policy, facts({ plan: { plan: sha("b") }, request: { round: 4 } }))).rule).toBe("veto[0]");
  });
  it("a review that is overdue, and a consent that is missing", () => {
    const policy = allow(
      {},
      {
        obligation: [
          { action: "reviewPolicy", before: "2026-11-19" },
          { action: "obtainConsent", given: [sha("a")] },
        ],
      },
    );
    expect(decide(policy, facts()).permit).toBe(true);
    expect(refusal(decide(policy, facts({ now: at("2026-11-19T00:00Z") }))).rule).toBe("obligation[0]");
    expect(refusal(decide(policy, facts({ plan: { plan: sha("b") } }))).reason).toContain(sha("b"));
  });
  it("prohibitions, also where the plan does not tell", () => {
    expect(decide(forbid({ epsilonPerRun: { gt: 4 } }), facts({ plan: { epsilon: 3 } })).permit).toBe(true);
    expect(refusal(decide(forbid({ epsilonPerRun: { gt: 4 } }), facts())).reason).toContain("the plan does not tell");
    // Every constraint must meet the request: another weekday is not prohibited.
    const shift = forbid({ timeOfDay: { isPartOf: ["06:00-14:00"] }, weekday: { isAnyOf: ["mon"] } }, "train");
    expect(decide(shift, facts()).permit).toBe(true);
    expect(decide(shift, facts({ now: at("2026-11-16T12:00Z") })).permit).toBe(false);
    // A round number says nothing about a question.
    expect(decide(forbid({ round: { eq: 3 } }), facts({ request: { ...ask, round: undefined } })).permit).toBe(true);
    // One module among several is enough.
    const named = parsePolicy({
      policy: "p",
      permission: [{ action: "any", constraint: { plugin: { isAnyOf: [sha("c"), sha("d")] } } }],
      prohibition: [{ action: "any", constraint: { plugin: { isAnyOf: [sha("d")] } } }],
    });
    expect(decide(named, facts({ plan: { plugins: [sha("c"), sha("d")] } }))).toMatchObject({ permit: false, rule: "prohibition[0]" });
    expect(decide(named, facts({ plan: { plugins: [sha("c")] } })).permit).toBe(true);
  });
});

describe("until", () => {
  const until = (policy: Policy, one: Facts): string | undefined => {
    const found = refusal(decide(policy, one)).until;
    return found === undefined ? undefined : instantText(found);
  };
  it("the window opens, on a day that is permitted", () => {
    expect(until(allow({ timeOfDay: { isPartOf: ["22:00-06:00"] } }), facts())).toBe("2026-11-18T22:00Z");
    // Thursday from midnight: the window that began on Wednesday is still open then.
    expect(until(allow({ timeOfDay: { isPartOf: ["22:00-06:00"] }, weekday: { eq: "thu" } }), facts())).toBe("2026-11-19T00:00Z");
    expect(until(allow({ timeOfDay: { isPartOf: ["07:00-08:00"] }, weekday: { eq: "mon" } }), facts())).toBe("2026-11-23T07:00Z");
  });
  it("a prohibition ends", () => {
    expect(until(forbid({ timeOfDay: { isPartOf: ["06:00-14:00"] } }), facts())).toBe("2026-11-18T14:00Z");
    expect(until(forbid({ dateTime: { gteq: "2026-11-01", lteq: "2026-11-20" } }), facts())).toMatch(/^2026-11-20T00:00/);
  });
  it("a new day begins for the rounds of a day", () => {
    const used = [share("2026-11-18T01:00Z")];
    expect(until(allow({ roundsPerDay: { lteq: 1 } }), facts({ history: used }))).toBe("2026-11-19T00:00Z");
  });
  it("an old claim is a year old", () => {
    const old = [share("2026-01-01T00:00Z", { run: "old", epsilon: 5 })];
    expect(until(allow({ epsilonPerYear: { lteq: 8 } }), facts({ plan: { epsilon: 4 }, history: old }))).toBe("2027-01-01T00:00Z");
  });
  it("is absent where waiting does not help", () => {
    expect(until(allow({ members: { gteq: 9 }, timeOfDay: { isPartOf: ["22:00-06:00"] } }), facts())).toBeUndefined();
    expect(until(allow({ roundsPerDay: { lt: 1 } }), facts())).toBeUndefined();
    expect(until(allow({ dateTime: { lt: "2026-01-01" } }), facts())).toBeUndefined();
    expect(until(allow({ timeOfDay: { isPartOf: ["22:00-23:00"] }, dateTime: { lt: "2026-11-18T20:00Z" } }), facts())).toBeUndefined();
  });
  it("is the first moment at which the same request is permitted", () => {
    const time = fc
      .integer({ min: 0, max: 1439 })
      .map((m) => `${String(Math.floor(m / 60)).padStart(2, "0")}:${String(m % 60).padStart(2, "0")}`);
    const windows = fc.array(
      fc
        .tuple(time, time)
        .filter(([a, b]) => a !== b)
        .map(([a, b]) => `${a}-${b}`),
      { minLength: 1, maxLength: 3 },
    );
    const days = fc.uniqueArray(fc.constantFrom("mon", "tue", "wed", "thu", "fri", "sat", "sun"), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(windows, windows, days, fc.integer({ min: 0, max: 40_000_000 }), (open, shut, weekday, minute) => {
        const now = minute * 60_000;
        const policy = parsePolicy({
          policy: "p",
          permission: [{ action: "any", constraint: { timeOfDay: { isPartOf: open }, weekday: { isAnyOf: weekday } } }],
          prohibition: [{ action: "any", constraint: { timeOfDay: { isPartOf: shut } } }],
        });
        const found = decide(policy, facts({ now }));
        const permitted = (t: number): boolean => decide(policy, facts({ now: t })).permit;
        // By looking at every minute of a week.
        let first: number | undefined;
        for (let m = 0; m <= 8 * 1440 && first === undefined; m++) {
          const t = now + m * 60_000;
          if (inWindows(t, open) && (weekday as string[]).includes(weekdayOf(t)) && !inWindows(t, shut)) first = t;
        }
        if (found.permit) expect(first).toBe(now);
        else {
          expect(found.until).toBe(first);
          if (first !== undefined) expect(permitted(first)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("time in UTC", () => {
  it("a day is a calendar day of UTC, with or without summer time", () => {
    // The nights in which Europe and America put their clocks forward and back in 2026.
    for (const date of ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"]) {
      expect(dayOf(at(`${date}T23:59:59.999Z`)) - dayOf(at(`${date}T00:00Z`))).toBe(0);
      expect(nextBorder(at(`${date}T00:00Z`), ["01:00-03:00"])).toBe(at(`${date}T01:00Z`));
    }
    expect(weekdayOf(0)).toBe("thu");
    expect(weekdayOf(at("2026-11-18T00:00Z") - 1)).toBe("tue");
    expect(weekdayOf(at("2024-02-29T12:00Z"))).toBe("thu");
  });
  it("a clock that was put back wins no rounds", () => {
    const policy = allow({ roundsPerDay: { lteq: 1 }, epsilonPerYear: { lteq: 4 } });
    const ahead = [share("2027-06-01T00:00Z", { run: "later", epsilon: 1 })];
    expect(refusal(decide(policy, facts({ plan: { epsilon: 1 }, history: ahead }))).rule).toBe("permission[0].constraint.roundsPerDay");
  });
  it("windows run over midnight, and 24:00 is an end", () => {
    expect(inWindows(at("2026-11-18T00:00Z"), ["23:00-01:00"])).toBe(true);
    expect(inWindows(at("2026-11-18T01:00Z"), ["23:00-01:00"])).toBe(false);
    expect(inWindows(at("2026-11-18T23:59:59Z"), ["20:00-24:00"])).toBe(true);
    expect(inWindows(at("2026-11-18T00:00Z"), ["20:00-24:00"])).toBe(false);
  });
});

describe("the file", () => {
  it("refuses what it does not know, several faults at once", () => {
    const text =
      "policy: p\npermission:\n  - action: fly\n    constraint: { members: { atLeast: 3 }, color: { eq: red }, timeOfDay: { isPartOf: ['6-14'] } }\nvetoes: []\n";
    try {
      readPolicy(text);
      expect.fail("it was read");
    } catch (error) {
      const { code, faults } = error as MillwrightError;
      expect(code).toBe("FILE_INVALID");
      const places = faults.map(({ where }) => where);
      expect(places).toEqual(
        expect.arrayContaining(["permission[0].action", "permission[0].constraint.members", "permission[0].constraint", "policy.yaml"]),
      );
      expect(faults.find(({ where }) => where === "permission[0].constraint.timeOfDay.isPartOf[0]")?.expected).toContain("22:00-06:00");
    }
  });
  it("refuses empty constraints, days that do not exist, local times", () => {
    for (const constraint of [
      { members: {} },
      { dateTime: { lt: "2026-02-30" } },
      { dateTime: { lt: "2026-02-01T06:00" } },
      { timeOfDay: { isPartOf: ["06:00-06:00"] } },
    ])
      expect(() => allow(constraint)).toThrow(MillwrightError);
  });
});
