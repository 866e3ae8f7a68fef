/** What went wrong between two machines, in words that say who can do something about it. */
import { MillwrightError } from "../../core/errors.js";
import type { ErrorBody } from "../../core/route.js";

/** Causes by the system's names for them: in which part of the way, and what to do. */
const causes: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  ENOTFOUND: ["DNS: no such name", "check the coordinator's address and this machine's name server"],
  EAI_AGAIN: ["DNS: no answer", "check this machine's name server"],
  ECONNREFUSED: ["refused", "check that the coordinator runs and that the port is right"],
  EHOSTUNREACH: ["no route", "check the network and the firewall between"],
  ENETUNREACH: ["no route", "check the network of this machine"],
  ETIMEDOUT: ["timeout", "check the network and the firewall between"],
  ECONNRESET: ["closed by the other end or something between", "try again; if it stays, look for a firewall or proxy between"],
  EPIPE: ["closed by the other end or something between", "try again"],
  CERT_HAS_EXPIRED: [
    "TLS: the server's certificate has expired",
    "compare this machine's clock; if it is right, renew the server's certificate",
  ],
  CERT_NOT_YET_VALID: ["TLS: the server's certificate is not valid yet", "compare the clocks of both machines"],
  ERR_TLS_CERT_ALTNAME_INVALID: ["TLS: the certificate is for another name", "dial the name that `serve` was given, or add this one to it"],
};

/** TRANSPORT_UNREACHABLE. `what` is a system error, or words. */
export function unreachable(where: string, stage: string, what: unknown, cause: unknown = what, remedy?: string): MillwrightError {
  const code = typeof what === "string" ? what : codeOf(what);
  const [why, advice] = causes[code] ?? [
    `${stage}: ${typeof what === "string" ? what : `${(what as Error)?.message ?? what}`}`,
    "try again later",
  ];
  const detail = { where, expected: "a verified connection to the coordinator", got: why, remedy: remedy ?? advice };
  return new MillwrightError("TRANSPORT_UNREACHABLE", cause instanceof Error ? { ...detail, cause } : detail);
}

function codeOf(error: unknown): string {
  const { code, errors } = (error ?? {}) as { code?: string; errors?: readonly { code?: string }[] };
  return code ?? errors?.[0]?.code ?? "";
}

/** TRANSPORT_INTERCEPTED: a certificate arrived that our CA did not sign. */
export function intercepted(where: string, issuer: string): MillwrightError {
  return new MillwrightError("TRANSPORT_INTERCEPTED", {
    where,
    expected: "a certificate of the federation's own authority",
    got: `one issued by "${issuer}"`,
    remedy:
      "a proxy that opens TLS stands between, or this is another server: ask for an exception for this address, or use signed requests and trust the proxy's authority",
  });
}

/** A coded refusal from the other end, with what it said. */
export interface Refused {
  readonly status: number;
  readonly body: ErrorBody;
}

/** TRANSPORT_REFUSED, passing the server's own words on. */
export function refusedBy(where: string, refused: Refused): MillwrightError {
  const { code, expected, got, remedy } = refused.body;
  const at = refused.body.where === undefined ? where : refused.body.where;
  const detail = { where: at, expected, got: `${code}: ${got}`, cause: refused };
  return new MillwrightError("TRANSPORT_REFUSED", remedy === undefined ? detail : { ...detail, remedy });
}

/** What the server said, where an error is its refusal. */
export function refusedOf(error: unknown): Refused | undefined {
  return error instanceof MillwrightError && error.code === "TRANSPORT_REFUSED" ? (error.detail.cause as Refused) : undefined;
}
