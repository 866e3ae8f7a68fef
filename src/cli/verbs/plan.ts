/** `millwright plan`: what a file will run, what it will cost and what leaves a plant, without training anything. */
import { colorsFor, line, writeJson } from "../context.js";
import { type Verb, wantsJson } from "../program.js";
import { plain, table, wrap } from "../show/text.js";
import { resolvePath } from "./numbers.js";

export const planVerb: Verb = (program, run) => {
  program
    .command("plan")
    .description("Check a federation file and say what it will run, cost and reveal. Trains nothing.")
    .argument("<file>", "federation file, YAML or JSON")
    .option("--json", "print the plan as JSON")
    .action((file: string, _options: unknown, command) =>
      run(async (context) => {
        const { describeFile } = await import("../describe.js");
        const plan = await describeFile(resolvePath(context, file), context.env.MILLWRIGHT_DATA);
        if (wantsJson(command)) {
          writeJson(context, plan);
          return 0;
        }
        const color = colorsFor(context.out, context.env);
        for (const section of plan.sections) {
          line(context.out, color.bold(section.title));
          for (const text of table(
            section.rows.map(([k, v]) => [`  ${plain(k)}`, plain(v)]),
            ["left", "left"],
          ))
            line(context.out, text);
          line(context.out);
        }
        for (const remark of plan.remarks) for (const text of wrap(`- ${plain(remark)}`, 100, "  ")) line(context.out, text);
        return 0;
      }),
    );
};
