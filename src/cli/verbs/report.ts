/** `millwright report`: the HTML report of a stored result. */
import { dirname, join } from "node:path";
import { line, writeJson } from "../context.js";
import { type Verb, wantsJson } from "../program.js";
import { renderReport } from "../report/report.js";
import { viewOf } from "../show/view.js";
import { inRun, readResult, writeWhole } from "./files.js";
import { resolvePath, shownPath } from "./numbers.js";

export const reportVerb: Verb = (program, run) => {
  program
    .command("report")
    .description("Draw the HTML report of a result: one file that opens offline.")
    .argument("<result>", "result.json as written by `millwright simulate`, or its folder")
    .option("--out <file>", "where to write it (default: report.html beside the result)")
    .option("--json", "print where it was written as JSON")
    .action((path: string, options: { out?: string }, command) =>
      run(async (context) => {
        const from = inRun(resolvePath(context, path), "result.json");
        const to = options.out === undefined ? join(dirname(from), "report.html") : resolvePath(context, options.out);
        const html = renderReport(viewOf(readResult(from)));
        writeWhole(to, html);
        if (wantsJson(command)) writeJson(context, { report: to, bytes: Buffer.byteLength(html) });
        else line(context.out, `Report written to ${shownPath(context, to)}; open it in a browser.`);
        return 0;
      }),
    );
};
