/**
 * A federation for the load benches, in a folder of its own: the coordinator's home with its authority, N plants that are enrolled (their
 * certificates issued by the authority, their rows in the record), and the answers of one real site, which all plants repeat.
 * All plants share one key pair, because making thousands is not what is measured; each has a certificate of its own.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const models = {
  "8k": { use: "cnn-lstm", norm: "group", hidden: [16, 8] },
  "1M": { use: "mlp", hidden: [960, 1000] },
};

/** The federation file: `sites` alike plants, a failure task on the built-in fleet, a threshold that needs no question. */
export function fileOf({ federation = "load", sites, model, rounds, machines = 2, quorum }) {
  return {
    federation,
    task: { kind: "failure", window: "24h", horizon: "24h", stride: "6h" },
    data: { use: "fleet", machines, days: 45, sites: 1 },
    split: { by: "time", test: 0.4 },
    sites: { use: "iid", count: sites },
    model: typeof model === "string" ? models[model] : model,
    training: { optimizer: { use: "adam", learningRate: 0.005 }, loss: { use: "bce" }, epochs: 1, batch: 32 },
    rounds,
    aggregate: { use: "mean" },
    quorum: quorum ?? { goal: 1, minimum: 0.5, deadline: "30min", attempts: 2 },
    threshold: 0.5,
    compare: { scenarios: ["federated"] },
    seed: 7,
  };
}

/** Makes the folder. Returns where it is; `plants.json` in it is for load-plants.mjs. */
export async function makeFederation(options) {
  const { openHome } = await import("../../dist/coordinator/home.js");
  const { systemClock: clock } = await import("../../dist/io/clock.js");
  const { exportPrivateKey, generateKey } = await import("../../dist/io/crypto/keys.js");
  const { createRequest } = await import("../../dist/io/crypto/request.js");
  const { systemRandom: random } = await import("../../dist/io/crypto/system-random.js");
  const { folderDisk } = await import("../../dist/io/disk/folder.js");
  const { openRecord } = await import("../../dist/io/record/open.js");
  const { membersOf } = await import("../../dist/coordinator/plan-members.js");
  const { parseFederation } = await import("../../dist/round/file.js");

  const folder = mkdtempSync(join(tmpdir(), "millwright-load-"));
  const data = join(folder, "coordinator");
  const content = fileOf(options);
  writeFileSync(join(folder, "federation.json"), JSON.stringify(content, null, 1));
  const disk = folderDisk(data);
  await disk.makeFolder("");
  const home = await openHome({ disk, federation: content.federation, names: [], addresses: ["127.0.0.1"], clock, random });
  const names = membersOf(parseFederation(content, "load"), { org: "load" }).flatMap((one) => (one.role === "site" ? [one.name] : []));
  const key = generateKey("p256");
  const request = createRequest(key, "load");
  // In memory where the system has such a folder: the rows are written one by one, and each would wait for the disk.
  const staging = mkdtempSync(join(process.platform === "linux" ? "/dev/shm" : tmpdir(), "millwright-load-"));
  const record = await openRecord({ url: `sqlite:${join(staging, "record.sqlite")}` });
  const certificates = [];
  for (const name of names) {
    const { certificate, serial, spki, notBefore, notAfter } = home.authority.issueMember(request, { org: "load", name, role: "site" });
    certificates.push(certificate);
    await record.putCertificate({ serial, member: name, spki, notBefore, notAfter });
    await record.putMember({
      name,
      org: "load",
      role: "site",
      state: "active",
      spki,
      serial,
      certificate,
      expiresAt: notAfter,
      enrolledAt: notBefore,
      meta: {},
    });
  }
  await record.close();
  cpSync(staging, data, { recursive: true });
  rmSync(staging, { recursive: true, force: true });
  const plants = { names, certificates, key: exportPrivateKey(key), ca: home.authority.certificate };
  writeFileSync(join(folder, "plants.json"), JSON.stringify(plants), { mode: 0o600 });
  return { folder, data, file: join(folder, "federation.json"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * What every plant answers: the real answers of one site on its own rows, whoever it says it is from; training answers with a fixed
 * update of the model's size at once.
 */
export async function cannedSite(content) {
  const { setUp } = await import("../../dist/lab/setup.js");
  const { parseFederation } = await import("../../dist/round/file.js");
  const { createSiteWork } = await import("../../dist/round/site-work.js");
  const { inlineExecutor } = await import("../../dist/io/workers/inline.js");
  // Its rows are the same however many others there are.
  const file = parseFederation({ ...content, sites: { use: "iid", count: 2 } }, "load");
  const { parts } = await setUp(file, { folder: "." });
  const work = createSiteWork({ site: parts[0].site, part: parts[0], file, seed: "load", executor: inlineExecutor() });
  const kept = new Map();
  return async (request, from) => {
    if (request.type === "train") {
      const { round, attempt, values } = request;
      const update = kept.get("update") ?? Int32Array.from(values, (_, i) => ((i * 2654435761) >> 12) & 0x3ff);
      kept.set("update", update);
      return { type: "update", round, attempt, from, members: 1, weight: work.facts().train, loss: 0.5, update };
    }
    const key = `${request.exchange} ${request.topic}`;
    if (!kept.has(key)) kept.set(key, work.work(request));
    return { ...(await kept.get(key)), from };
  };
}
