/** `millwright control`: an operator's word to a running federation. */
import { fail } from "../../core/errors.js";
import { line, writeJson } from "../context.js";
import { ask } from "../network/member.js";
import { type Verb, wantsJson } from "../program.js";

const orders = ["pause", "resume", "stop", "exclude", "include"] as const;

export const controlVerb: Verb = (program, run) => {
  program
    .command("control")
    .description("Pause, resume or stop a run; exclude a member from it, or include one that came late.")
    .argument("<order>", orders.join(", "))
    .argument("[member]", "with exclude and include")
    .option("--as <folder>", "identity of who orders", "coordinator/admin")
    .option("--json", "print JSON")
    .action((order: string, member: string | undefined, options: { readonly as: string }, command) =>
      run(async (context) => {
        if (!orders.includes(order as (typeof orders)[number])) fail("USAGE", { where: "order", expected: orders.join(", "), got: order });
        await ask(context, options.as, {
          method: "POST",
          path: "/v1/control",
          json: { order, ...(member === undefined ? {} : { site: member }) },
        });
        if (wantsJson(command)) writeJson(context, { order, member, done: true });
        else line(context.out, `${order}${member === undefined ? "" : ` ${member}`}: done`);
        return 0;
      }),
    );
};
