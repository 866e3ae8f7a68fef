/** One line of `millwright doctor`, and what its parts have in common. */
import { MillwrightError } from "../../core/errors.js";

export interface Check {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail";
  readonly found: string;
  readonly advice?: string;
}

export const ok = (name: string, found: string): Check => ({ name, state: "ok", found });
export const warn = (name: string, found: string, advice: string): Check => ({ name, state: "warn", found, advice });
export const failed = (name: string, found: string, advice: string): Check => ({ name, state: "fail", found, advice });

/** Does a check; what it throws is a failed check in the error's own words, never the end of the examination. */
export async function attempt(name: string, work: () => Promise<Check | readonly Check[]>): Promise<readonly Check[]> {
  try {
    const found = await work();
    return "state" in found ? [found] : found;
  } catch (error) {
    return faultsOf(name, error);
  }
}

/** An error as failed checks, one per fault. */
export function faultsOf(name: string, error: unknown): readonly Check[] {
  if (!(error instanceof MillwrightError))
    return [failed(name, error instanceof Error ? error.message : String(error), "please report this")];
  return error.faults.slice(0, 20).map(({ where, expected, got, remedy }) => {
    const found = `${where === undefined ? "" : `${where}: `}expected ${expected}, got ${got}`;
    return failed(name, found, remedy ?? `see ${error.code} in docs/commands.md`);
  });
}

const day = 86_400_000;

/** Whether a certificate is good now, and is renewed by itself in time. `by` says who renews it. */
export function certificateCheck(
  name: string,
  { notBefore, notAfter }: { notBefore: number; notAfter: number },
  now: number,
  by: string,
): Check {
  const until = `until ${new Date(notAfter).toISOString().slice(0, 16)}Z`;
  if (now < notBefore)
    return failed(
      name,
      `valid from ${new Date(notBefore).toISOString()}, which is still to come`,
      "compare this machine's clock; the certificate is not older than it says",
    );
  if (now >= notAfter) return failed(name, `ended ${daysOf(now - notAfter)} ago`, by);
  if (now >= notBefore + ((notAfter - notBefore) * 2) / 3)
    return warn(name, `${until}, ${daysOf(notAfter - now)} left: renewal is due`, by);
  return ok(name, `${until}, ${daysOf(notAfter - now)} left`);
}

export function daysOf(ms: number): string {
  return ms < 2 * day ? `${Math.floor(ms / 3_600_000)} h` : `${Math.floor(ms / day)} days`;
}
