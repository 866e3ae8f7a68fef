/** `millwright status`: who is here, what the round waits for, since when. */
import type { MemberStatus, Status } from "../../coordinator/status.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import { ask } from "../network/member.js";
import { type Verb, wantsJson } from "../program.js";
import { bar, bytes, plain, table } from "../show/text.js";

export const statusVerb: Verb = (program, run) => {
  program
    .command("status")
    .description("Ask a coordinator how things stand: round, members, what it waits for and since when.")
    .option("--as <folder>", "identity of who asks: admin, auditor, or a plant's data folder", "coordinator/admin")
    .option("--json", "print the status as JSON")
    .action((options: { readonly as: string }, command) =>
      run(async (context) => {
        const status = (await ask(context, options.as, { method: "GET", path: "/v1/status" })) as Status;
        if (wantsJson(command)) writeJson(context, status);
        else show(context, status);
        return 0;
      }),
    );
};

function show(context: Context, status: Status): void {
  const color = colorsFor(context.out, context.env);
  const { waiting, members } = status;
  line(context.out, color.bold(`${status.federation}, node ${status.node}, run ${status.run}: ${status.state}`));
  const share = status.rounds === 0 ? 0 : status.round / status.rounds;
  line(
    context.out,
    `round ${status.round} of ${status.rounds} ${bar(share, 24)}  ${bytes(status.bytesUp)} up, ${bytes(status.bytesDown)} down`,
  );
  if (status.error !== undefined) line(context.out, color.red(plain(status.error)));
  if (status.state === "running" || status.state === "paused") {
    const left = waiting.remainingMs === undefined ? "" : `; ${period(waiting.remainingMs)} until it ends by itself`;
    line(context.out, `waits for ${plain(waiting.text)}, for ${period(waiting.forMs)}${left}`);
  }
  // A plant is told how many there are, not who.
  if (!Array.isArray(members)) {
    line(context.out, `${String(members)} members`);
    return;
  }
  for (const { site, reason } of waiting.refused) line(context.out, color.yellow(`${site} refused: ${plain(reason)}`));
  line(context.out);
  const rows = (members as readonly MemberStatus[]).map((one) => [
    one.here ? color.green("here") : one.state === "active" ? (expected.includes(one.role) ? color.yellow("away") : "") : one.state,
    one.name,
    one.role,
    one.lastSeen === undefined ? "never" : `${period(status.at - one.lastSeen)} ago`,
    one.task ?? "",
    plain(one.doing ?? ""),
  ]);
  for (const text of table([["", "member", "role", "seen", "task", "doing"], ...rows])) line(context.out, text);
}

/** Roles that are here all the time; the others come when they want something. */
const expected: readonly string[] = ["site", "aggregator"];

function period(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
}
