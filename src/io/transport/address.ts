/** What a request asks for: its target taken apart without decoding anything twice, its query, its headers as plain text. */
import type { IncomingMessage } from "node:http";
import { fail } from "../../core/errors.js";
import type { ServerLimits } from "./limits.js";
import type { Matched, Router } from "./router.js";

export interface Addressed {
  readonly matched: Matched;
  readonly query: Readonly<Record<string, string>>;
  /** Path and query as they came: what a signature covers. */
  readonly target: string;
  /** "PUT /v1/uploads/:sha256", for refusals: the pattern, so that nothing of the client's text is repeated. */
  readonly where: string;
}

/** Errors: ROUTE_UNKNOWN for whatever is not in the table, alike for a wrong path, method and form; REQUEST_INVALID for the query. */
export function addressed(request: IncomingMessage, limits: Pick<ServerLimits, "target" | "queryFields">, find: Router): Addressed {
  const target = request.url ?? "";
  const cut = target.indexOf("?");
  const path = cut < 0 ? target : target.slice(0, cut);
  const matched = target.length > limits.target ? undefined : find(request.method ?? "", path);
  if (matched === undefined) fail("ROUTE_UNKNOWN", { expected: "an address of this server", got: "another one" });
  const where = `${matched.route.method} ${matched.route.path}`;
  return { matched, target, where, query: queryOf(cut < 0 ? "" : target.slice(cut + 1), limits.queryFields, where) };
}

function queryOf(text: string, most: number, where: string): Readonly<Record<string, string>> {
  const query: Record<string, string> = Object.create(null);
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > most) fail("REQUEST_INVALID", { where, expected: `at most ${most} fields in the query`, got: "more" });
    // Which of two counts would differ between whoever signed and whoever reads.
    if (name in query) fail("REQUEST_INVALID", { where, expected: "each field of the query once", got: "one of them twice" });
    query[name] = value;
  }
  return query;
}

export function plainHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  return headers;
}
