/** Downloads against a server on the loopback: whole or not at all, resumed, held to length and hash. */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { MillwrightError } from "../../src/core/errors.js";
import { seeded } from "../../src/core/random.js";
import { setNames } from "../../src/data/source-spec.js";
import { catalog } from "../../src/io/fetch/catalog.js";
import { download } from "../../src/io/fetch/download.js";
import { type FetchOptions, fetchDataset } from "../../src/io/fetch/fetch.js";
import { type DataFile, manifest } from "../../src/io/fetch/manifest.js";
import { valuesHash } from "../../src/io/fetch/values.js";
import { dataFolder } from "../support/data.js";
import { temporaryFolder } from "../support/folder.js";

const random = seeded("fetch");
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, () => random.integer(256)));
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let handler: Handler = () => undefined;
let requests: { url: string; range: string | undefined }[] = [];
const server = createServer((request, response) => {
  requests.push({ url: request.url ?? "", range: request.headers.range });
  handler(request, response);
});
await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const root = await temporaryFolder();
let folder = root;
let runs = 0;
beforeEach(async () => {
  folder = join(root, `run-${runs++}`);
  await mkdir(folder);
  requests = [];
});

/** Serves `bytes` with ranges, as file servers do. */
const serve =
  (bytes: Uint8Array, cutAt?: number): Handler =>
  (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (from >= bytes.length && from > 0) {
      response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      return;
    }
    const rest = bytes.subarray(from);
    if (from > 0)
      response.writeHead(206, { "content-length": rest.length, "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
    else response.writeHead(200, { "content-length": rest.length });
    if (cutAt === undefined || cutAt <= from) response.end(rest);
    else response.write(rest.subarray(0, cutAt - from), () => setTimeout(() => response.destroy(), 20));
  };

const file = (more: Partial<DataFile> = {}): DataFile => ({
  path: "sub/data.bin",
  bytes: content.length,
  sha256: [sha(content)],
  origin: { repository: "owner/repo", commit: "abc123", path: "folder/data file.bin" },
  ...more,
});
const get = (files: readonly DataFile[] = [file()], more: Partial<FetchOptions> = {}) =>
  fetchDataset("ccpp", folder, { origin, files, ...more });
const refused = (work: Promise<unknown>): Promise<MillwrightError> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  );
const left = async () =>
  ((await readdir(join(folder, "ccpp"), { recursive: true }).catch(() => [])) as string[]).filter((name) => name.includes("data")).sort();
const saved = () => readFile(join(folder, "ccpp/sub/data.bin"));

describe("fetching", () => {
  it("asks the origin at the commit, writes the file, tells its progress, leaves no .part", async () => {
    handler = serve(content);
    const seen: number[] = [];
    const report = await get([file()], { onProgress: ({ received, total }) => seen.push(received / (total ?? 0)) });
    expect(report).toMatchObject({ fetched: ["sub/data.bin"], present: [], missing: [] });
    expect(requests).toEqual([{ url: "/owner/repo/abc123/folder/data%20file.bin", range: undefined }]);
    expect((await saved()).equals(content)).toBe(true);
    expect(await left()).toEqual(["sub/data.bin"]);
    expect(seen.at(-1)).toBe(1);
    expect((await get()).present).toEqual(["sub/data.bin"]);
    expect(requests).toHaveLength(1);
  });

  it("an origin that cannot be reached is named, with the ways around it", async () => {
    // A port that was just closed: nobody listens there.
    const gone = createServer();
    await new Promise<void>((done) => gone.listen(0, "127.0.0.1", done));
    const { port } = gone.address() as AddressInfo;
    await new Promise<void>((done) => gone.close(() => done()));
    const error = await refused(get([file()], { origin: `http://127.0.0.1:${port}` }));
    expect(error.code).toBe("DOWNLOAD_FAILED");
    expect(error.detail.expected).toBe(`an answer from 127.0.0.1:${port}`);
    expect(error.detail.got).toContain("it refuses connections");
    expect(error.detail.remedy).toContain(`--origin URL, or bring the file from a machine that can reach it, to ${folder}`);
    const nameless = Object.assign(new Error("getaddrinfo ENOTFOUND data.example"), { code: "ENOTFOUND" });
    const unknown = get([file()], { fetch: () => Promise.reject(new TypeError("fetch failed", { cause: nameless })) });
    expect((await refused(unknown)).detail.got).toContain("its name is not known here");
    expect(await left()).toEqual([]);
  });

  it("a cut connection leaves a .part that the next call continues", async () => {
    handler = serve(content, 120_000);
    const error = await refused(get());
    expect([error.code, error.message.includes("continues where this stopped")]).toEqual(["DOWNLOAD_FAILED", true]);
    expect(await left()).toEqual(["sub/data.bin.part"]);
    const kept = await readFile(join(folder, "ccpp/sub/data.bin.part"));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.equals(content.subarray(0, kept.length))).toBe(true);
    handler = serve(content);
    await get();
    expect(requests[1].range).toBe(`bytes=${kept.length}-`);
    expect((await saved()).equals(content)).toBe(true);
    expect(await left()).toEqual(["sub/data.bin"]);
  });

  it("wherever it is cut, and however often, the file ends up whole", async () => {
    for (const cut of [1, 65_536, 150_000, 299_999]) {
      handler = serve(content, cut);
      await refused(get());
    }
    handler = serve(content);
    await get();
    expect((await saved()).equals(content)).toBe(true);
  });

  it("a server without ranges starts from the beginning", async () => {
    handler = serve(content, 120_000);
    await refused(get());
    handler = (_, response) => response.writeHead(200, { "content-length": content.length }).end(content);
    await get();
    expect(requests[1].range).toBeDefined();
    expect((await saved()).equals(content)).toBe(true);
  });

  it("a .part longer than the file (416) and a range from another place are thrown away and asked for whole", async () => {
    await mkdir(join(folder, "ccpp/sub"), { recursive: true });
    await writeFile(join(folder, "ccpp/sub/data.bin.part"), Buffer.alloc(400_000));
    handler = serve(content);
    await get();
    expect(requests.map((request) => request.range)).toEqual(["bytes=400000-", undefined]);
    expect((await saved()).equals(content)).toBe(true);
    await writeFile(join(folder, "ccpp/sub/other.part"), Buffer.alloc(10));
    handler = (request, response) => {
      if (request.headers.range === undefined) serve(content)(request, response);
      else response.writeHead(206, { "content-range": `bytes 5-${content.length - 1}/${content.length}` }).end(content.subarray(5));
    };
    await get([file({ path: "sub/other" })]);
    expect((await readFile(join(folder, "ccpp/sub/other"))).equals(content)).toBe(true);
  });

  it("another content of the same length is refused by its hash and leaves nothing", async () => {
    const other = Buffer.from(content);
    other[1000] ^= 1;
    handler = serve(other);
    const error = await refused(get());
    expect([error.code, error.message.includes(sha(content)), error.message.includes(sha(other))]).toEqual(["DOWNLOAD_FAILED", true, true]);
    expect(await left()).toEqual([]);
  });

  it("a foreign .part poisons nothing: the hash refuses it, and the next call is clean", async () => {
    await mkdir(join(folder, "ccpp/sub"), { recursive: true });
    await writeFile(join(folder, "ccpp/sub/data.bin.part"), Buffer.alloc(1000));
    handler = serve(content);
    expect((await refused(get())).code).toBe("DOWNLOAD_FAILED");
    expect(await left()).toEqual([]);
    await get();
    expect((await saved()).equals(content)).toBe(true);
  });

  it("another length is refused before a byte is written", async () => {
    handler = serve(content.subarray(0, 1000));
    expect((await refused(get())).message).toContain("expected 300000 bytes, got an answer of 1000 bytes");
    expect(await left()).toEqual([]);
  });

  it("an answer without a length is counted: too short and too long are refused", async () => {
    for (const size of [1000, 300_001]) {
      handler = (_, response) => {
        response.writeHead(200);
        response.write(Buffer.alloc(size), () => response.end());
      };
      expect((await refused(get())).code).toBe("DOWNLOAD_FAILED");
      expect(await left()).toEqual([]);
    }
  });

  it("an answer that never ends stops at the limit; one that says too much is not begun", async () => {
    handler = (_, response) => {
      response.writeHead(200);
      const more = () => response.write(Buffer.alloc(65_536)) && setImmediate(more);
      response.on("drain", more);
      more();
    };
    const options = { limit: 500_000, check: async () => undefined };
    expect((await refused(download(`${origin}/x`, join(folder, "data"), options))).code).toBe("LIMIT_EXCEEDED");
    handler = (_, response) => response.writeHead(200, { "content-length": 600_000 }).end(Buffer.alloc(600_000));
    expect((await refused(download(`${origin}/x`, join(folder, "data"), options))).code).toBe("LIMIT_EXCEEDED");
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([404, 500, 403])("status %d is refused and leaves nothing", async (status) => {
    handler = (_, response) => response.writeHead(status).end("no");
    const error = await refused(get());
    expect([error.code, error.message.includes(`status ${status}`)]).toEqual(["DOWNLOAD_FAILED", true]);
    expect(await left()).toEqual([]);
  });

  it("a server that falls silent is given up", async () => {
    handler = (_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 1000));
    };
    const error = await refused(get([file()], { patience: 150 }));
    expect([error.code, error.message.includes("nothing arrived for 150 ms")]).toEqual(["DOWNLOAD_FAILED", true]);
  });

  it("nobody at the other end", async () => {
    const error = await refused(get([file()], { origin: "http://127.0.0.1:1" }));
    expect(error.code).toBe("DOWNLOAD_FAILED");
    expect(await left()).toEqual([]);
  });

  it("a full disk is said to be one, and gets its space back", async () => {
    handler = serve(content);
    let room = 100_000;
    const disk = {
      rename,
      async open(path: string, flags: string) {
        const handle = await open(path, flags);
        return {
          write: async (buffer: Uint8Array, offset?: number | null) => {
            room -= buffer.length;
            if (room < 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
            return handle.write(buffer, offset);
          },
          sync: () => handle.sync(),
          close: () => handle.close(),
        } as unknown as Awaited<ReturnType<typeof open>>;
      },
    };
    const error = await refused(get([file()], { disk }));
    expect([error.code, error.message.includes("ENOSPC"), error.message.includes("free some space")]).toEqual([
      "DOWNLOAD_FAILED",
      true,
      true,
    ]);
    expect(await left()).toEqual([]);
    room = Number.POSITIVE_INFINITY;
    await get([file()], { disk });
    expect((await saved()).equals(content)).toBe(true);
  });

  it("a rename that fails leaves the finished .part, and the next call needs no byte more", async () => {
    handler = serve(content);
    const disk = { open, rename: () => Promise.reject(new Error("no")) };
    expect((await refused(get([file()], { disk }))).code).toBe("DOWNLOAD_FAILED");
    expect(await left()).toEqual(["sub/data.bin.part"]);
    await get();
    expect(requests).toHaveLength(1);
    expect(await left()).toEqual(["sub/data.bin"]);
  });

  it("a file that is there with another content is refused, not overwritten", async () => {
    await mkdir(join(folder, "ccpp/sub"), { recursive: true });
    await writeFile(join(folder, "ccpp/sub/data.bin"), "mine");
    expect((await refused(get())).code).toBe("DATA_INVALID");
    expect((await saved()).toString()).toBe("mine");
  });

  it("files without an origin are listed with the reason, the others fetched; a path cannot leave the folder", async () => {
    handler = serve(content);
    const report = await get([file({ path: "a", origin: undefined, missing: "made by hand" }), file({ path: "data" })]);
    expect(report.missing).toEqual([{ file: "a", reason: "made by hand" }]);
    expect(report.fetched).toEqual(["data"]);
    for (const path of ["../x", "/etc/x", "a/../../x", "a\\b", "a//b"])
      expect((await refused(get([file({ path })]))).code).toBe("DOWNLOAD_FAILED");
  });

  it("numbers count, not line ends or trailing zeros, where the manifest says so; gzipped under the other name is as good", async () => {
    await writeFile(join(folder, "a.txt"), "1 2.50 3\n4 5 6.0\n");
    const values = await valuesHash(join(folder, "a.txt"));
    const table: DataFile = { path: "t.txt", values, also: "t.txt.gz", origin: file().origin };
    handler = (_, response) => response.end("1  2.5 3.000 \r\n4 5.0 6\r\n");
    expect((await get([table])).fetched).toEqual(["t.txt"]);
    await mkdir(join(folder, "gz/ccpp"), { recursive: true });
    await writeFile(join(folder, "gz/ccpp/t.txt.gz"), gzipSync("1 2.5 3\n4 5 6\n"));
    expect((await fetchDataset("ccpp", join(folder, "gz"), { origin, files: [table] })).present).toEqual(["t.txt"]);
    handler = (_, response) => response.end("1 2.5 3\n4 5 7\n");
    expect((await refused(get([{ ...table, path: "u.txt", also: undefined }]))).message).toContain("values with SHA-256");
  });
});

describe("the catalogue", () => {
  it("names every data set once, and every file has a hash and either an origin or a reason", () => {
    expect(catalog.map((entry) => entry.name).sort()).toEqual([...setNames].sort());
    for (const name of setNames) {
      const paths = manifest[name].map((entry) => entry.path);
      expect(new Set(paths).size).toBe(paths.length);
      for (const entry of manifest[name]) {
        for (const hash of [...(entry.sha256 ?? []), ...(entry.values === undefined ? [] : [entry.values])])
          expect(hash).toMatch(/^[0-9a-f]{64}$/);
        expect((entry.sha256 === undefined) !== (entry.values === undefined)).toBe(true);
        expect((entry.origin === undefined) !== (entry.missing === undefined)).toBe(true);
      }
    }
  });

  describe.skipIf(dataFolder() === undefined)("on the real files (needs MILLWRIGHT_DATA: millwright data fetch NAME)", () => {
    it.each(setNames)("%s: every file is there with its hash", async (name) => {
      const report = await fetchDataset(name, dataFolder() ?? "", { origin: "http://127.0.0.1:1" });
      expect(report.fetched).toEqual([]);
      expect(report.missing).toEqual([]);
      expect(report.present).toHaveLength(manifest[name].length);
    });
  });
});
