/** The command as a tree of verbs. Built by a function, so that the documentation test can walk it and a test can run it in-process. */
import { Command, CommanderError } from "commander";
import { MillwrightError } from "../core/errors.js";
import { version } from "../io/version.js";
import type { Context } from "./context.js";
import type { ExitCode } from "./exit-codes.js";
import { showError } from "./show/errors.js";
import { nearest } from "./show/text.js";
import { backupVerb, fsckVerb, restoreVerb } from "./verbs/backup.js";
import { benchVerb } from "./verbs/bench.js";
import { collectVerb } from "./verbs/collect.js";
import { controlVerb } from "./verbs/control.js";
import { dataVerb } from "./verbs/data.js";
import { doctorVerb } from "./verbs/doctor.js";
import { engineVerb } from "./verbs/engine.js";
import { enrollVerb } from "./verbs/enroll.js";
import { experimentVerb } from "./verbs/experiment.js";
import { exportVerb } from "./verbs/export.js";
import { initVerb } from "./verbs/init.js";
import { joinVerb } from "./verbs/join.js";
import { metricsVerb } from "./verbs/metrics.js";
import { outboxVerb } from "./verbs/outbox.js";
import { planVerb } from "./verbs/plan.js";
import { predictVerb } from "./verbs/predict.js";
import { recordVerb } from "./verbs/record.js";
import { releaseVerb } from "./verbs/release.js";
import { reportVerb } from "./verbs/report.js";
import { revokeVerb } from "./verbs/revoke.js";
import { rotateVerb } from "./verbs/rotate.js";
import { serveVerb } from "./verbs/serve.js";
import { simulateVerb } from "./verbs/simulate.js";
import { statusVerb } from "./verbs/status.js";

/** Adds one verb to the command. The action returns the exit status, nothing meaning 0. */
export type Verb = (program: Command, run: Run) => void;
/** What a verb does with its context; `Run` remembers the exit status of the verb that ran. */
export type Action = (context: Context) => Promise<ExitCode | undefined>;
export type Run = (action: Action) => Promise<void>;

const verbs: readonly Verb[] = [
  initVerb,
  simulateVerb,
  planVerb,
  dataVerb,
  predictVerb,
  exportVerb,
  reportVerb,
  experimentVerb,
  benchVerb,
  serveVerb,
  engineVerb,
  collectVerb,
  joinVerb,
  enrollVerb,
  statusVerb,
  metricsVerb,
  controlVerb,
  outboxVerb,
  recordVerb,
  releaseVerb,
  revokeVerb,
  rotateVerb,
  doctorVerb,
  backupVerb,
  restoreVerb,
  fsckVerb,
];

/** The command with all verbs, without side effects until it parses. */
export function buildProgram(context: Context, ended: (code: ExitCode) => void): Command {
  return programOf(verbs, context, ended);
}

/** The command with some verbs: a plant's bundle has only its own. */
function programOf(verbs: readonly Verb[], context: Context, ended: (code: ExitCode) => void): Command {
  const run: Run = async (action) => ended((await action(context)) ?? 0);
  const program = new Command("millwright")
    .description("Federated learning for industrial machines: one model trained on everybody's machines, nobody's data leaves the plant.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help for a verb")
    .helpCommand("help [verb]", "show help for a verb")
    .option("--json", "print one JSON document instead of text (also after a verb)")
    .enablePositionalOptions()
    .showSuggestionAfterError(false);
  for (const verb of verbs) verb(program, run);
  quiet(program, context);
  return program;
}

/** No verb may end the process or write past the context; commander's own messages become coded errors. */
function quiet(command: Command, context: Context): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => void context.out.write(text),
    writeErr: () => undefined,
    getOutHelpWidth: () => Math.min(context.out.columns ?? 100, 110),
    getErrHelpWidth: () => 100,
  });
  for (const child of command.commands) quiet(child, context);
}

/** Runs the command on its arguments (without node and script) and returns the exit status. Never throws. */
export function run(args: readonly string[], context: Context): Promise<ExitCode> {
  return runVerbs(verbs, args, context);
}

/** `run` with these verbs instead of all. */
export async function runVerbs(verbs: readonly Verb[], args: readonly string[], context: Context): Promise<ExitCode> {
  let code: ExitCode = 0;
  const program = programOf(verbs, context, (ended) => {
    code = ended;
  });
  try {
    if (args.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    const json = args.some((a) => a === "--json" || a.startsWith("--json="));
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      return showError(usage(error, args, program), context, json);
    }
    return showError(error, context, json);
  }
}

/** Commander's complaint as a coded error that names the nearest verb or flag. */
function usage(error: CommanderError, args: readonly string[], program: Command): MillwrightError {
  const command = commandOf(args, program);
  const path = [command.parent?.parent, command.parent, command].flatMap((c) => (c ? [c.name()] : [])).join(" ");
  const help = `see \`${path} --help\``;
  const word = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  const flag = error.code === "commander.unknownOption";
  const names = command.commands.map((c) => c.name());
  const isVerb = error.code === "commander.unknownCommand" || (error.code === "commander.excessArguments" && names.length > 0);
  if (isVerb || error.code === "commander.help") {
    const given = word !== "" ? word : (args.find((a) => !a.startsWith("-") && a !== command.name()) ?? "no verb");
    const near = nearest(given, names);
    return new MillwrightError("USAGE", {
      where: path,
      expected: `one of ${names.join(", ")}`,
      got: given,
      remedy: near === undefined ? help : `did you mean \`${path} ${near}\`?`,
    });
  }
  if (flag) {
    const flags = command.options.flatMap((o) => [o.long, o.short].filter((f): f is string => f !== undefined));
    const near = nearest(word, flags);
    return new MillwrightError("USAGE", {
      where: path,
      expected: `one of ${flags.join(", ")}`,
      got: word,
      remedy: near === undefined ? help : `did you mean ${near}?`,
    });
  }
  return new MillwrightError("USAGE", {
    where: path,
    expected: "arguments as the help shows them",
    got: error.message.replace(/^error: /, ""),
    remedy: help,
  });
}

/** The deepest verb that the arguments name. */
function commandOf(args: readonly string[], program: Command): Command {
  let command = program;
  for (const arg of args) {
    if (arg.startsWith("-")) continue;
    const child = command.commands.find((c) => c.name() === arg);
    if (child === undefined) break;
    command = child;
  }
  return command;
}

/** True where the verb or the command before it was given --json. */
export function wantsJson(command: Command): boolean {
  return Boolean(command.optsWithGlobals().json);
}
