/** docs/commands.md, made from the command itself, so that it cannot say something else. */
import type { Command } from "commander";
import { exitCodes, exitOf } from "../../src/cli/exit-codes.js";
import { codes, type ErrorCode } from "../../src/core/errors.js";

const notes: Readonly<Record<string, string>> = {
  init: `Proposes machine, time and target columns from names and values, shows what it saw, and asks on a terminal; with \`--yes\`, or where nobody
can answer, it takes the proposals and flags. With a table of events (\`--events\`, tied to the readings by machine and time) the answer is
whether one falls within \`--horizon\`, or with \`--task rul\` how long until the next. Flags that are set only where a yes-or-no answer is
yes, or never there, are left out and named: they would give it away. Dates that can be read two ways are never guessed: give \`--dates\`. The file is checked by
the reader of federation files before it is written.`,
  simulate: `Progress goes to the error stream and the closing table to the output. Without \`--json OUT\` the result is \`result.json\` in the folder of
\`--out\`, beside \`report.html\` and \`model.safetensors\`. \`--json\` without OUT prints the result instead of the table. A run that was stopped with
Ctrl-C or killed goes on with \`--resume\`; a changed file or seed is refused then. With \`--seeds N\` the seeds are S, S+1, ... from the file's
seed or \`--seed\`, and every figure is a mean with its standard deviation.`,
  "data inspect":
    "WHAT is a federation file (its data, and the drift between its sites), the name of a data set, or a path to your own table.",
  report: "The page has no scripts and loads nothing: it can be mailed, and opened offline.",
  doctor: "Exits with 7 when something must change before Millwright can run, else with 0; warnings do not count.",
  bench: "Only our own figures. `npm run bench` in a clone measures other libraries on the same work in the same run.",
};

function section(command: Command, path: string, depth: number): string {
  const args = command.registeredArguments.map((a) => (a.required ? `<${a.name()}>` : `[${a.name()}]`));
  const lines = [`${"#".repeat(depth)} ${path}`, "", command.description(), ""];
  if (command.commands.length > 0) {
    return [...lines, ...command.commands.filter((c) => c.name() !== "help").map((c) => section(c, `${path} ${c.name()}`, depth + 1))].join(
      "\n",
    );
  }
  lines.push("```sh", `millwright ${[path, ...args].join(" ")} [flags]`, "```", "");
  const note = notes[path];
  if (note !== undefined) lines.push(note.replaceAll("\n", " "), "");
  const rows = [
    ...command.registeredArguments.map((a) => [`\`${a.name()}\``, a.description]),
    ...command.options.map((o) => [`\`${o.flags}\``, o.description]),
  ];
  if (rows.length > 0)
    lines.push(
      "| argument or flag | meaning |",
      "|---|---|",
      ...rows.map((r) => `| ${r.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`),
      "",
    );
  return lines.join("\n");
}

/** The whole page. */
export function commandsPage(program: Command): string {
  const verbs = program.commands.filter((c) => c.name() !== "help");
  const errors = (Object.keys(codes) as ErrorCode[]).map((code) => `| \`${code}\` | ${exitOf(code)} | ${codes[code]} |`);
  return [
    "# Commands",
    "",
    program.description(),
    "",
    "This page is made from the command itself (`UPDATE_DOCS=1 npx vitest run test/cli/docs.test.ts`); a test holds it to that.",
    "",
    "Every verb takes `--json` and then prints one JSON document, also for an error:",
    '`{ "format": "millwright-error/1", "code", "meaning", "exit", "faults": [{ "where", "expected", "got", "remedy" }] }`.',
    "Colours appear on a terminal only; `NO_COLOR` turns them off, `FORCE_COLOR` on.",
    "",
    ...verbs.map((verb) => section(verb, verb.name(), 2)),
    "## Exit codes",
    "",
    "| code | meaning |",
    "|---|---|",
    ...Object.entries(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    "",
    "## Error codes",
    "",
    "| error | exit | meaning |",
    "|---|---|---|",
    ...errors,
    "",
    "## Environment",
    "",
    "| variable | meaning |",
    "|---|---|",
    "| `MILLWRIGHT_DATA` | folder that holds a folder per named data set; default `~/.cache/millwright` |",
    "| `NO_COLOR`, `FORCE_COLOR` | colours off, on |",
    "",
  ].join("\n");
}
