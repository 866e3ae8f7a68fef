/** An operator's word as it comes over the network. */
import { fail } from "../core/errors.js";
import type { Message } from "../round/messages.js";

/** Errors: REQUEST_INVALID. */
export function readOrder(body: unknown, roster: readonly string[]): Extract<Message, { type: "order" }> {
  const { order, site } = (body ?? {}) as { readonly order?: unknown; readonly site?: unknown };
  const known = (["pause", "resume", "stop", "exclude", "include"] as const).find((one) => one === order);
  if (known === undefined) {
    return fail("REQUEST_INVALID", {
      where: "order",
      expected: "pause, resume, stop, exclude or include",
      got: JSON.stringify(order) ?? "nothing",
    });
  }
  const named = known === "exclude" || known === "include";
  if (named && !(typeof site === "string" && roster.includes(site))) {
    return fail("REQUEST_INVALID", { where: "site", expected: `one of ${roster.join(", ")}`, got: JSON.stringify(site) ?? "nothing" });
  }
  return named ? { type: "order", order: known, site: site as string } : { type: "order", order: known };
}
