/** What the README prints is so: its commands run as they stand, its links lead somewhere, its picture and figures are of one run. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { filesBelow, read, root } from "../shape/sources.js";

const readme = read("README.md");
const folder = mkdtempSync(join(tmpdir(), "millwright-readme-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Four presses, an hourly reading each; vibration rises before a failure. */
function table(hours: number): string {
  const lines = ["press,time,temperature,vibration,failed"];
  for (let press = 1; press <= 4; press++) {
    for (let hour = 0; hour < hours; hour++) {
      const phase = (hour + 7 * press) % 40;
      const time = new Date(Date.UTC(2025, 0, 1, hour)).toISOString().slice(0, 16);
      lines.push(
        `press-${press},${time},${60 + ((hour * 7 + press) % 11)},${(1 + Math.max(0, phase - 30) / 5).toFixed(2)},${phase > 36 ? 1 : 0}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

describe("your own table next", () => {
  const section = /^## Your own table next\n[\s\S]*?^```sh\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? "";
  const commands = section.split("\n").flatMap((line) => /^npx millwright ([^#]+)/.exec(line)?.[1]?.trim() ?? []);
  writeFileSync(join(folder, "my.csv"), table(160));
  writeFileSync(join(folder, "new.csv"), table(60));

  it("prints the whole way from a table to an exported model", () => {
    expect(commands.map((command) => command.split(" ")[0])).toEqual(["init", "plan", "simulate", "predict", "export"]);
  });

  it.each(commands)("millwright %s", { timeout: 170_000 }, (command) => {
    const args = [join(root, "dist/cli/main.js"), ...command.split(/\s+/)];
    const done = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", input: "", timeout: 160_000 });
    expect(done.status, `${done.stdout}\n${done.stderr}`).toBe(0);
    expect(done.stdout.trim()).not.toBe("");
  });

  it("leaves what it says", () => {
    for (const name of ["my.yaml", "out/my/result.json", "out/my/report.html", "out/my/model.safetensors", "out/my/model.onnx"]) {
      expect(existsSync(join(folder, name)), name).toBe(true);
    }
  });
});

describe("documents", () => {
  const pages = [...filesBelow(".", /\.md$/).filter((path) => !path.includes("/")), ...filesBelow("docs", /\.md$/)].filter(
    (path) => !path.startsWith("docs/api/"),
  );

  it.each(pages)("%s links to what is there", (path) => {
    const links = [...read(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map((match) => match[1] as string)
      .filter((link) => !/^\w+:/.test(link));
    expect(links.filter((link) => !existsSync(join(root, dirname(path), link)))).toEqual([]);
  });

  it("the README names scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm (?:run )?(start|test|(?<=run )\w+)/g)].map((match) => match[1] as string);
    expect(named).toContain("start");
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it("the picture is a small PNG", () => {
    const bytes = readFileSync(join(root, "docs/report.png"));
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]));
    expect(bytes.length).toBeLessThan(150_000);
  });

  it("the verdict in the README is of the table above it", () => {
    const f1 = (name: string): string | undefined => new RegExp(`^${name}\\s+(\\d\\.\\d+)`, "m").exec(readme)?.[1];
    const said = /F1 (\d\.\d+), against (\d\.\d+) when every site learns alone/.exec(readme);
    // Compared with the better of the two ways to stay alone; the sentence says which.
    const alone = readme.includes("answers for its own machines") ? "local, own machines" : "local only";
    expect(said?.slice(1)).toEqual([f1("federated"), f1(alone)]);
  });
});
