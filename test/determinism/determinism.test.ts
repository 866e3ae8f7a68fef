/**
 * The same bytes everywhere: the hashes of hashes.json on this Node, over different worker counts and site times (federation.mjs
 * throws where they differ), and in Chromium, which loads the built modules from a page on loopback.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserPath } from "../support/browser.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const committed = JSON.parse(readFileSync(join(root, "test/determinism/hashes.json"), "utf8")) as Record<string, string>;

describe("on this Node", () => {
  const hashes = JSON.parse(
    execFileSync(process.execPath, [join(root, "test/determinism/determinism.mjs")], { encoding: "utf8", maxBuffer: 1 << 22 }),
  ) as Record<string, string>;
  it("covers what is committed", () => {
    expect(Object.keys(hashes).sort()).toEqual(Object.keys(committed).sort());
    expect(Object.keys(committed).length).toBeGreaterThan(15);
    expect(new Set(Object.values(committed)).size).toBe(Object.keys(committed).length);
  });
  it.each(Object.keys(committed))("%s", (name) => {
    expect(hashes[name]).toBe(committed[name]);
  });
});

const browser = browserPath();
describe.skipIf(browser === undefined)("in Chromium (needs it: apt-get install chromium, or set CHROME to its path)", () => {
  let server: Server;
  let address: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = normalize(decodeURIComponent((request.url ?? "/").split("?")[0] as string));
      if (path === "/") return void response.setHeader("content-type", "text/html").end("<!doctype html><title>determinism</title>");
      const file = join(root, path);
      const served = path.startsWith("/dist/") || path === "/test/determinism/portable.mjs";
      if (!served || !existsSync(file)) return void response.writeHead(404).end();
      response.setHeader("content-type", "text/javascript").end(readFileSync(file));
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((closed) => server.close(closed)));

  it("gives the same bytes as Node", async () => {
    const running = await chromium.launch({
      executablePath: browser,
      headless: true,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    try {
      const page = await running.newPage();
      await page.goto(`${address}/`);
      // Text, so that no build step rewrites what the page runs.
      const hashes = (await page.evaluate(
        "import('/test/determinism/portable.mjs').then(({ portableHashes }) => portableHashes((path) => import('/dist/' + path)))",
      )) as Record<string, string>;
      const portable = Object.fromEntries(Object.entries(committed).filter(([name]) => !/^(federation|simulation)/.test(name)));
      expect(hashes).toEqual(portable);
    } finally {
      await running.close();
    }
  });
});
