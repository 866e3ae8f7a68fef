/** A policy in words, for the plant's owner to read back what was written; and in ODRL's own JSON-LD, for other tools. */
import type { Policy, PolicyRule } from "./policy.js";
import { operatorWords } from "./policy-decide.js";
import { type Constraint, terms } from "./policy-terms.js";

const acts: Readonly<Record<string, string>> = {
  answer: "answer questions (statistics, counts)",
  train: "train a round and send the update",
};

/** One sentence a line, in the order in which the rules are applied. */
export function explain(policy: Policy): readonly string[] {
  const lines = [`Policy ${policy.policy}${policy.description === undefined ? "" : `: ${policy.description}`}`];
  lines.push(`Nothing leaves while the file ${policy.pause} is there.`);
  for (const veto of policy.veto) {
    const named = Object.entries(veto).flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${value}`]));
    lines.push(`Vetoed: ${named.join(", ")}.`);
  }
  for (const duty of policy.obligation) {
    if (duty.action === "reviewPolicy") lines.push(`From ${duty.before} nothing is permitted until a person has reviewed this policy.`);
    else lines.push(`A plan needs the consent of a person at the plant; ${duty.given.length} plan(s) have it.`);
  }
  for (const rule of policy.prohibition) lines.push(`Never: ${sentence(rule)}.`);
  for (const rule of policy.permission) lines.push(`Permitted: ${sentence(rule)}.`);
  if (policy.permission.length === 0) lines.push("Nothing is permitted.");
  else lines.push("Everything else is refused. What a plan does not tell counts against it.");
  if (policy.permission.some((rule) => rule.constraint.plugin === undefined))
    lines.push("Code that a plan brings is refused where a rule does not name it by its SHA-256.");
  return lines;
}

function sentence(rule: PolicyRule): string {
  const what = rule.action.map((action) => acts[action]).join(", and ");
  const where = entries(rule).map(([name, constraint]) => `${name} is ${operatorWords(constraint)} [${terms[name].means}]`);
  return `${what}${where.length === 0 ? "" : `, where ${where.join("; ")}`}${rule.description === undefined ? "" : ` (${rule.description})`}`;
}

/** Left operands that ODRL's common vocabulary has; the rest is a profile. */
const common: ReadonlySet<string> = new Set(["purpose", "recipient", "dateTime"]);

/** The policy as ODRL 2.2 JSON-LD. Pause and veto are prohibitions; the sums of a history have no ODRL term and stand in the profile. */
export function odrlOf(policy: Policy, assigner: string): Readonly<Record<string, unknown>> {
  const rule = (one: PolicyRule): unknown => ({
    action: one.action.map((action) => `millwright:${action}`),
    constraint: entries(one).flatMap(([name, constraint]) => triples(name, constraint)),
  });
  return {
    "@context": ["http://www.w3.org/ns/odrl.jsonld", { millwright: "urn:millwright:odrl:" }],
    "@type": "Set",
    uid: `urn:millwright:policy:${assigner}:${policy.policy}`,
    profile: "urn:millwright:odrl:",
    assigner: `urn:millwright:site:${assigner}`,
    permission: policy.permission.map(rule),
    prohibition: [
      ...policy.prohibition.map(rule),
      ...policy.veto.map((veto) => ({
        action: ["millwright:answer", "millwright:train"],
        constraint: Object.entries(veto).flatMap(([name, value]) => (value === undefined ? [] : triples(name, { eq: value }))),
      })),
    ],
    obligation: policy.obligation.map((duty) =>
      duty.action === "reviewPolicy"
        ? { action: "reviewPolicy", constraint: triples("dateTime", { lt: duty.before }) }
        : { action: "obtainConsent", constraint: triples("plan", { isAnyOf: duty.given }) },
    ),
  };
}

function triples(name: string, constraint: Constraint): readonly unknown[] {
  return Object.entries(constraint).flatMap(([operator, rightOperand]) =>
    rightOperand === undefined ? [] : [{ leftOperand: common.has(name) ? name : `millwright:${name}`, operator, rightOperand }],
  );
}

const entries = (rule: PolicyRule): [string, Constraint][] =>
  Object.entries(rule.constraint).flatMap(([name, constraint]) => (constraint === undefined ? [] : [[name, constraint]]));
