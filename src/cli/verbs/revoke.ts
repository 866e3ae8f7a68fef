/** `millwright revoke`: shuts a member, or one certificate, out at once; open connections are cut. */
import { line, writeJson } from "../context.js";
import { ask } from "../network/member.js";
import { type Verb, wantsJson } from "../program.js";

export const revokeVerb: Verb = (program, run) => {
  program
    .command("revoke")
    .description("Shut a member out at once: its certificates, its invitations, its open connections.")
    .argument("<name>", "the member; with --serial: the serial number of one certificate")
    .requiredOption("--reason <text>", "why; kept in the audit log")
    .option("--serial", "revoke one certificate instead of the member")
    .option("--as <folder>", "identity of who revokes", "coordinator/admin")
    .option("--json", "print JSON")
    .action((name: string, options: { readonly reason: string; readonly serial?: boolean; readonly as: string }, command) =>
      run(async (context) => {
        const what = options.serial === true ? { serial: name } : { name };
        const answer = await ask(context, options.as, { method: "POST", path: "/v1/revoke", json: { ...what, reason: options.reason } });
        const revoked = answer as { readonly name: string; readonly serials: readonly string[] };
        if (wantsJson(command)) writeJson(context, revoked);
        else line(context.out, `${revoked.name} is shut out (${revoked.serials.length} certificates)`);
        return 0;
      }),
    );
};
