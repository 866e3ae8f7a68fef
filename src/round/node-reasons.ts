/** Why a question or a round did not come to an end, in words that name the sites. */
import { codes, type ErrorCode, MillwrightError } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import type { Open } from "./coordinator.js";
import { keyOf } from "./messages.js";

export function excludedReason(site: string, current: Open): { site: string; reason: string }[] {
  const answer = current.answers.get(site);
  if (answer === undefined) return [{ site, reason: "no answer before the round closed" }];
  return answer.type === "refuse" ? [{ site, reason: `${answer.code}: ${answer.text.replace(`${answer.code}: `, "")}` }] : [];
}

export function tooFew(
  current: Open,
  useful: number,
  needed: number,
  { deadline, attempt }: { readonly deadline: Millis; readonly attempt: number },
): MillwrightError {
  const reasons = current.sites.flatMap((site) => excludedReason(site, current).map(({ reason }) => `${site}: ${reason}`));
  return new MillwrightError("ROUND_ABANDONED", {
    where: keyOf(current.request),
    expected: `${needed} of ${current.sites.length} sites to answer within ${deadline} ms`,
    got: `${useful} after ${attempt} attempts (${listed(reasons)})`,
    remedy: "look at the sites named here, or lower quorum.minimum",
  });
}

/** Sites that all say no for the same reason have found what is wrong: their code is the code of the error. */
export function refusedAlike({ answers, request, sites }: Open, useful: number, needed: number): MillwrightError | undefined {
  if (answers.size < sites.length) return undefined;
  const refusals = sites.flatMap((site) => {
    const answer = answers.get(site);
    return answer?.type === "refuse" ? [answer] : [];
  });
  const code = refusals[0]?.code;
  if (code === undefined || !Object.hasOwn(codes, code) || refusals.some((one) => one.code !== code)) return undefined;
  return new MillwrightError(code as ErrorCode, {
    where: keyOf(request),
    expected: `${needed} of ${sites.length} sites to do it`,
    got: `${useful}; ${listed(refusals.map(({ from, text }) => `${from}: ${text.replace(`${code}: `, "")}`))}`,
  });
}

function listed(reasons: readonly string[]): string {
  return `${reasons.slice(0, 5).join("; ")}${reasons.length > 5 ? "; ..." : ""}`;
}
