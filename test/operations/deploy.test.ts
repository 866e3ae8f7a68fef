/**
 * deploy/ against what reads it: Kubernetes manifests against the types of its API (kubernetes-types, made from the OpenAPI description:
 * unknown and missing fields, wrong types) and the restricted pod security standard; systemd units through systemd-analyze; alert rules against
 * the metrics that exist; every command line against the command's own flags. What no engine is here for (docker build, a cluster) was
 * not run: the files say what they need.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StatefulSet } from "kubernetes-types/apps/v1.d.ts";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { buildProgram } from "../../src/cli/program.js";
import { metricsText } from "../../src/coordinator/metrics.js";
import { contextIn, temporary } from "../cli/harness.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, "deploy", path), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: files of others' formats are walked as they are
type Loose = any;
type Json = { readonly [key: string]: unknown };
const manifests = readdirSync(join(root, "deploy/kubernetes")).flatMap((file) =>
  parseAllDocuments(read(`kubernetes/${file}`)).map((one) => ({ file, value: one.toJS() as Json & { kind: string; apiVersion: string } })),
);

const statefulSet: NonNullable<StatefulSet["kind"]> = "StatefulSet";

/** Where kubernetes-types declares a kind. */
const declared: Readonly<Record<string, string>> = {
  "v1 Namespace": "core/v1",
  "v1 Service": "core/v1",
  "v1 ServiceAccount": "core/v1",
  "apps/v1 StatefulSet": "apps/v1",
  "networking.k8s.io/v1 NetworkPolicy": "networking/v1",
  "policy/v1 PodDisruptionBudget": "policy/v1",
};

/** What TypeScript says of objects that claim to be of these kinds, object by object. */
function faults(objects: readonly { kind: string; apiVersion: string }[]): string[][] {
  const lines = objects.map((value, i) => {
    const place = declared[`${value.apiVersion} ${value.kind}`];
    if (place === undefined) throw new Error(`no type for ${value.apiVersion} ${value.kind}`);
    return `import type { ${value.kind} as T${i} } from "kubernetes-types/${place}";\nexport const o${i}: T${i} = ${JSON.stringify(value)};`;
  });
  const name = join(root, "test/operations/manifests.generated.ts");
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const own = host.getSourceFile;
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(file, lines.join("\n"), ts.ScriptTarget.ES2023) : own(file, ...rest);
  const has = host.fileExists;
  host.fileExists = (file) => file === name || has(file);
  const found: string[][] = objects.map(() => []);
  for (const { file, start, messageText } of ts.getPreEmitDiagnostics(ts.createProgram([name], options, host))) {
    const line = file === undefined || start === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line;
    found[Math.floor(line / 2)].push(ts.flattenDiagnosticMessageText(messageText, " "));
  }
  return found;
}

describe("Kubernetes manifests", () => {
  it("are what the API describes, and the check finds what is not", () => {
    const set = manifests.find((one) => one.value.kind === statefulSet)?.value as Loose;
    const spoilt = JSON.parse(JSON.stringify(set).replace('"readOnlyRootFilesystem"', '"readOnlyRootFileSystem"'));
    const all = [...manifests.map((one) => one.value), { ...set, specs: {} }, { ...set, spec: { ...set.spec, replicas: "1" } }, spoilt];
    const found = faults(all);
    expect(found.slice(0, -3).flat()).toEqual([]);
    for (const [one, word] of [
      [found.at(-3), "specs"],
      [found.at(-2), "number"],
      [found.at(-1), "readOnlyRootFileSystem"],
    ] as const)
      expect(one?.join()).toContain(word);
  });

  it("meet the restricted pod security standard, in a namespace that enforces it", () => {
    const set = manifests.find((one) => one.value.kind === statefulSet)?.value as Loose;
    const { spec } = set.spec.template;
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    for (const key of ["hostNetwork", "hostPID", "hostIPC"]) expect(spec[key]).toBeUndefined();
    for (const one of spec.containers) {
      expect(one.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(one.resources.limits.memory).toBeDefined();
    }
    for (const volume of spec.volumes)
      expect(Object.keys(volume).filter((key) => key !== "name")).toEqual([expect.stringMatching(/^(configMap|emptyDir|secret)$/)]);
    const space = manifests.find((one) => one.value.kind === "Namespace")?.value as Loose;
    expect(space.metadata.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
  });

  it("agree with each other: selectors, ports, one writer, nothing dialled out", () => {
    const of = (kind: string): Loose => manifests.find((one) => one.value.kind === kind)?.value;
    const labels = of("StatefulSet").spec.template.metadata.labels;
    for (const selector of [
      of("StatefulSet").spec.selector.matchLabels,
      of("Service").spec.selector,
      of("NetworkPolicy").spec.podSelector.matchLabels,
    ])
      expect(labels).toMatchObject(selector);
    expect(of("StatefulSet").spec.serviceName).toBe(of("Service").metadata.name);
    expect(of("StatefulSet").spec.replicas).toBe(1);
    expect(of("NetworkPolicy").spec).toMatchObject({ policyTypes: ["Ingress", "Egress"], egress: [] });
    const [container] = of("StatefulSet").spec.template.spec.containers;
    expect(container.ports[0].name).toBe(of("Service").spec.ports[0].targetPort);
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"])
      expect(container[probe].httpGet).toMatchObject({ port: "https", scheme: "HTTPS" });
  });
});

/** Flags of a command line that its verb does not know. */
function unknownFlags(words: readonly string[]): readonly string[] {
  const program = buildProgram(contextIn(temporary()), () => undefined);
  const verb = program.commands.find((one) => one.name() === words[0]);
  if (verb === undefined) return [words[0]];
  const known = verb.options.flatMap((one) => [one.long, one.short]);
  return words.slice(1).filter((word) => word.startsWith("--") && !known.includes(word));
}

describe("command lines", () => {
  const compose = parse(read("compose.yaml"), { merge: true }) as Loose;
  const unit = (name: string): string[] =>
    (/^ExecStart=\S+ \S+ (.*)$/m.exec(read(`systemd/${name}.service`))?.[1] ?? "").replace(/ \$\w+$/, "").split(" ");
  const set = manifests.find((one) => one.value.kind === statefulSet)?.value as Loose;
  const docker = JSON.parse(/^CMD (\[.*\])$/m.exec(read("Dockerfile"))?.[1] ?? "[]") as string[];
  it.each([
    ["compose, coordinator", compose.services.coordinator.command],
    ["compose, plant", compose.services["plant-1"].command],
    ["systemd, coordinator", unit("millwright-coordinator")],
    ["systemd, plant", unit("millwright-plant")],
    ["kubernetes", set.spec.template.spec.containers[0].args],
    ["image", docker],
  ])("of %s name only flags that there are", (_name, words) => {
    expect(["serve", "join"]).toContain(words[0]);
    expect(unknownFlags(words)).toEqual([]);
    expect(unknownFlags([...words, "--nonsense"])).toEqual(["--nonsense"]);
  });

  it("of compose run without root, read-only, without capabilities", () => {
    for (const service of Object.values(compose.services) as Loose[])
      expect(service).toMatchObject({ read_only: true, user: "10001:10001", cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
    for (const volume of Object.values(compose.services).flatMap((one: Loose) => one.volumes as string[])) {
      const [from] = volume.split(":");
      if (!from.startsWith(".")) expect(Object.keys(compose.volumes)).toContain(from);
    }
  });

  it("of the image run as nobody, with a health check that needs no shell", () => {
    const text = read("Dockerfile");
    expect(text).toMatch(/^FROM node:24-slim$/m);
    expect(text.lastIndexOf("\nUSER 10001:10001")).toBeGreaterThan(text.lastIndexOf("\nRUN "));
    expect(text).toMatch(/^HEALTHCHECK .* CMD \["node", "\/app\/healthcheck\.mjs"/m);
    expect(text).not.toMatch(/^ADD |curl|wget/m);
  });
});

const analyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
describe.skipIf(!analyze)("systemd units (needs systemd-analyze: apt-get install systemd)", () => {
  it.each(["millwright-coordinator", "millwright-plant"])("%s verifies, and is little exposed", (name) => {
    const file = join(root, "deploy/systemd", `${name}.service`);
    // Complaints about the program's place are about this machine, not about the unit.
    const verify = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8" });
    const complaints = verify.stderr
      .split("\n")
      .filter((line) => line.includes(`${name}.service`) && !/Command .* is not executable/.test(line));
    expect(complaints).toEqual([]);
    const security = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=25", file], { encoding: "utf8" });
    expect(security.status, security.stdout.slice(-300)).toBe(0);
  });
});

describe("alert rules", () => {
  it("name only metrics that a coordinator tells", () => {
    const told = metricsText({
      status: {
        federation: "f",
        node: "n",
        version: "0",
        at: 2000,
        upSince: 0,
        run: "r",
        state: "running",
        round: 1,
        rounds: 2,
        waiting: { text: "", forMs: 0, answered: [], missing: [], refused: [] },
        members: [{ name: "a", org: "o", role: "site", state: "active", here: true, lastSeen: 1000, certificateEnds: 3000 }],
        bytesUp: 0,
        bytesDown: 0,
        releases: 0,
      } as never,
      memory: 1,
      processorSeconds: 1,
      connections: 1,
      polls: 1,
    });
    const known = new Set([...told.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]));
    const { groups } = parse(read("prometheus/millwright-alerts.yaml")) as {
      groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[];
    };
    const rules = groups.flatMap((one) => one.rules);
    expect(new Set(rules.map((one) => one.alert)).size).toBe(rules.length);
    for (const { alert, expr, annotations } of rules) {
      const names = [...expr.matchAll(/\b((?:millwright|process)_\w+)/g)].map((match) => match[1]);
      expect(
        names.filter((name) => !known.has(name)),
        alert,
      ).toEqual([]);
      expect(annotations.summary.length).toBeGreaterThan(20);
    }
    const scrape = parse(read("prometheus/prometheus.yaml")) as { rule_files: string[]; scrape_configs: { job_name: string }[] };
    expect(scrape.rule_files).toEqual(["millwright-alerts.yaml"]);
    for (const { expr } of rules)
      for (const [, job] of expr.matchAll(/job="(\w+)"/g)) expect(scrape.scrape_configs.map((one) => one.job_name)).toContain(job);
  });
});
