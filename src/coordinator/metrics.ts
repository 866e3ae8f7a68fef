/** The status as numbers, in Prometheus' text format (version 0.0.4). Names follow its conventions: unit last, totals only grow. */
import type { Status } from "./status.js";

export interface MetricFacts {
  readonly status: Status;
  /** Bytes of memory of the process, and seconds of processor time it used. */
  readonly memory: number;
  readonly processorSeconds: number;
  readonly connections: number;
  readonly polls: number;
}

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly values: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

export function metricsText(facts: MetricFacts): string {
  return `${metricsOf(facts).map(textOf).join("\n")}\n`;
}

function metricsOf({ status, ...facts }: MetricFacts): Metric[] {
  const active = status.members.filter((one) => one.state === "active");
  const states = ["running", "paused", "finished", "failed"] as const;
  return [
    gauge("millwright_up_seconds", "Seconds since the coordinator started.", (status.at - status.upSince) / 1000),
    gauge("millwright_round", "Rounds closed in this run.", status.round),
    gauge("millwright_rounds", "Rounds the plan asks for.", status.rounds),
    {
      name: "millwright_run_state",
      type: "gauge",
      help: "1 for the state the run is in.",
      values: states.map((state) => ({ labels: { state }, value: state === status.state ? 1 : 0 })),
    },
    gauge("millwright_members", "Members that are enrolled and not revoked.", active.length),
    gauge("millwright_members_here", "Members whose connection is open.", active.filter((one) => one.here).length),
    gauge("millwright_wait_seconds", "Seconds that the open wait has lasted, by the round's clock.", status.waiting.forMs / 1000),
    gauge("millwright_wait_missing", "Members that the open wait still waits for.", status.waiting.missing.length),
    gauge("millwright_wait_refused", "Members that refused what the open wait asks for.", status.waiting.refused.length),
    counter("millwright_received_bytes_total", "Bytes of replies that counted.", status.bytesUp),
    counter("millwright_sent_bytes_total", "Bytes of tasks that were fetched.", status.bytesDown),
    gauge("millwright_connections", "Open connections.", facts.connections),
    gauge("millwright_polls", "Polls that wait for something to do.", facts.polls),
    gauge("millwright_releases", "Versions in the model registry.", status.releases),
    gauge("process_resident_memory_bytes", "Resident memory.", facts.memory),
    counter("process_cpu_seconds_total", "Processor time, user and system.", facts.processorSeconds),
    {
      name: "millwright_member_last_seen_seconds",
      type: "gauge",
      help: "Seconds since a member was last heard of.",
      values: active.flatMap((one) =>
        one.lastSeen === undefined ? [] : [{ labels: { member: one.name }, value: Math.max(0, status.at - one.lastSeen) / 1000 }],
      ),
    },
    {
      name: "millwright_certificate_ends_seconds",
      type: "gauge",
      help: "Seconds until a member's certificate ends.",
      values: active.flatMap((one) =>
        one.certificateEnds === undefined ? [] : [{ labels: { member: one.name }, value: (one.certificateEnds - status.at) / 1000 }],
      ),
    },
  ];
}

const gauge = (name: string, help: string, value: number): Metric => ({ name, type: "gauge", help, values: [{ value }] });
const counter = (name: string, help: string, value: number): Metric => ({ name, type: "counter", help, values: [{ value }] });

function textOf({ name, type, help, values }: Metric): string {
  const lines = values.map(({ labels = {}, value }) => {
    const inner = Object.entries(labels)
      .map(([key, text]) => `${key}="${text.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`))}"`)
      .join(",");
    return `${name}${inner === "" ? "" : `{${inner}}`} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join("\n");
}
