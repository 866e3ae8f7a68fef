/**
 * Live progress of a simulation. On a terminal a few lines are redrawn in place; elsewhere plain lines appear at sensible intervals,
 * so that a log stays readable. It only shows: no result depends on it.
 */
import { createLogUpdate } from "log-update";
import type { SimulationEvent } from "../../lab/events.js";
import { type Colors, type Context, colorsFor, line } from "../context.js";
import { bar, pad, plain, seconds, sparkline } from "./text.js";
import { scenarioLabels } from "./view.js";

/** Milliseconds between two redraws, and between two plain lines of the same scenario. */
const redrawEvery = 80;
const lineEvery = 5000;
/** Losses kept for the sparkline. */
const lossesKept = 200;

export interface Progress {
  show(event: SimulationEvent): void;
  /** Leaves the last state on the terminal. */
  done(): void;
}

interface Line {
  readonly scenario: keyof typeof scenarioLabels;
  round: number;
  rounds: number;
  sitesDone: number;
  sites: number;
  secondsLeft: number | undefined;
  readonly losses: number[];
  finished: boolean;
}

export function progress(context: Context, options: { readonly quiet: boolean; readonly title?: string }): Progress {
  if (options.quiet) return { show: () => undefined, done: () => undefined };
  return context.err.isTTY === true ? live(context, options.title) : lines(context, options.title);
}

function live(context: Context, title: string | undefined): Progress {
  const color = colorsFor(context.err, context.env);
  const log = createLogUpdate(context.err as NodeJS.WriteStream, { showCursor: true });
  const state = tracker();
  let drawn = Number.NEGATIVE_INFINITY;
  const draw = (): void => {
    drawn = context.now();
    log(render(state, color, context.err.columns ?? 80, title).join("\n"));
  };
  return {
    show(event) {
      state.take(event);
      if (event.kind !== "site" || context.now() - drawn >= redrawEvery) draw();
    },
    done() {
      draw();
      log.done();
    },
  };
}

function lines(context: Context, title: string | undefined): Progress {
  const state = tracker();
  let told = Number.NEGATIVE_INFINITY;
  const prefix = title === undefined ? "" : `${title}: `;
  return {
    show(event) {
      state.take(event);
      if (event.kind === "stage") {
        line(context.err, `${prefix}${event.scenario === undefined ? "" : `${scenarioLabels[event.scenario]}: `}${plain(event.text)}`);
      }
      if (event.kind !== "round") return;
      const last = event.round >= event.rounds;
      if (!last && event.round !== 1 && context.now() - told < lineEvery) return;
      told = context.now();
      const left = event.secondsLeft === undefined || last ? "" : `, about ${seconds(event.secondsLeft)} left`;
      const where = `${prefix}${scenarioLabels[event.scenario]}: round ${event.round}/${event.rounds}`;
      line(context.err, `${where}, loss ${loss(event.loss)}, ${event.sitesDone}/${event.sites} sites${left}`);
    },
    done: () => undefined,
  };
}

interface Tracker {
  stage: string;
  readonly lines: Map<string, Line>;
  take(event: SimulationEvent): void;
}

function tracker(): Tracker {
  const known = new Map<string, Line>();
  const state: Tracker = { stage: "starting", lines: known, take };
  function take(event: SimulationEvent): void {
    if (event.kind === "stage") {
      state.stage = event.scenario === undefined ? event.text : `${scenarioLabels[event.scenario]}: ${event.text}`;
    } else if (event.kind === "round") {
      const row = lineOf(known, event.scenario);
      row.round = event.round;
      row.rounds = event.rounds;
      row.sites = event.sites;
      row.sitesDone = event.sitesDone;
      row.secondsLeft = event.secondsLeft;
      row.losses.push(event.loss);
      if (row.losses.length > lossesKept) row.losses.shift();
      row.finished = event.round >= event.rounds;
      state.stage = row.finished
        ? `${scenarioLabels[event.scenario]}: rounds done`
        : `${scenarioLabels[event.scenario]}: sites are training`;
    } else if (event.kind === "site") {
      const row = lineOf(known, event.scenario);
      row.sitesDone = event.sitesDone;
      row.sites = event.sites;
      const waiting = event.sites - event.sitesDone;
      state.stage = `${scenarioLabels[event.scenario]}: waiting for ${waiting} of ${event.sites} sites in round ${event.round}`;
    } else if (event.kind === "finished") {
      state.stage = "done";
    }
  }
  return state;
}

function lineOf(known: Map<string, Line>, scenario: Line["scenario"]): Line {
  let found = known.get(scenario);
  if (found === undefined) {
    found = { scenario, round: 0, rounds: 0, sitesDone: 0, sites: 0, secondsLeft: undefined, losses: [], finished: false };
    known.set(scenario, found);
  }
  return found;
}

function render(state: Tracker, color: Colors, columns: number, title: string | undefined): string[] {
  const out: string[] = [];
  const wide = columns >= 96;
  for (const row of state.lines.values()) {
    const share = row.rounds === 0 ? 0 : row.round / row.rounds;
    const parts = [
      pad(scenarioLabels[row.scenario], 11),
      row.finished ? color.green(bar(1, 16)) : color.blue(bar(share, 16)),
      `${pad(String(row.round), 3, "right")}/${row.rounds}`,
      `loss ${loss(row.losses.at(-1) ?? Number.NaN)}`,
      ...(wide ? [color.dim(pad(sparkline(row.losses, 20), 20))] : []),
      `${row.sitesDone}/${row.sites} sites`,
      row.finished ? color.green("done") : row.secondsLeft === undefined ? "" : `${seconds(row.secondsLeft)} left`,
    ];
    out.push(parts.filter((p) => p !== "").join("  "));
  }
  const head = title === undefined ? "" : `${title}  `;
  out.push(color.dim(`${head}${plain(state.stage)}`));
  return out;
}

const loss = (value: number): string => (Number.isFinite(value) ? value.toPrecision(3) : "-");
