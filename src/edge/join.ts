/** `millwright join` without its command line: a plant on a real machine, from its site file and its data folder. */
import { dirname, resolve } from "node:path";
import { linkBucket, parseBandwidth } from "../core/bucket.js";
import { fail } from "../core/errors.js";
import { systemClock } from "../io/clock.js";
import { createRequestSigner } from "../io/crypto/signed-request.js";
import { systemJitter, systemRandom } from "../io/crypto/system-random.js";
import { folderDisk } from "../io/disk/folder.js";
import { readText } from "../io/read-text.js";
import { fileBlobs } from "../io/store/blobs.js";
import { openJournal } from "../io/store/journal.js";
import { keyVariable, loadStoreKey } from "../io/store/key.js";
import { lockStore } from "../io/store/lock.js";
import { threadExecutor } from "../io/workers/threads.js";
import { connect } from "./connection.js";
import { identityHere } from "./enrolment.js";
import type { Identity } from "./identity.js";
import { checkModule, isModulePath, moduleModelOf } from "./plan-modules.js";
import { createPlant, type Plant, type PlantOptions } from "./plant.js";
import { defaultPolicy, type Policy, readPolicy } from "./policy.js";
import { readSiteFile, type SiteFile, usesFederationData } from "./site-file.js";
import { sitePart } from "./site-file-data.js";

export interface JoinOptions {
  readonly siteFile: string;
  readonly data: string;
  /** Needed once. */
  readonly token?: string;
  /** Instead of the addresses in the identity. */
  readonly url?: string;
  /** Sign every request: a proxy between plant and coordinator opens TLS. */
  readonly signed?: boolean;
  /** PEM file of the authority of that proxy. */
  readonly proxyAuthority?: string;
  readonly federationFolder?: string;
  readonly dataRoot?: string;
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: PlantOptions["log"];
  readonly renewed?: (until: number) => void;
  readonly halted: (error: unknown) => void;
}

export interface Joined {
  readonly plant: Plant;
  readonly identity: Identity;
  readonly close: () => Promise<void>;
}

/** Opens everything; `plant.run()` then works until the signal. Errors: STORE_*, FILE_INVALID, TOKEN_REFUSED, TRANSPORT_*, MEMBER_CONFLICT. */
export async function join(options: JoinOptions): Promise<Joined> {
  const siteFolder = dirname(resolve(options.siteFile));
  const modules = options.federationFolder ?? siteFolder;
  const siteFile = readSiteFile(readText(options.siteFile, "a site file"), options.siteFile);
  const disk = folderDisk(resolve(options.data));
  await disk.makeFolder("");
  const lock = await lockStore(disk, systemRandom);
  const closing: (() => Promise<void> | void)[] = [() => lock.release()];
  try {
    const storeKey = await loadStoreKey({ disk, random: systemRandom, passphrase: options.env[keyVariable] });
    const door = {
      clock: systemClock,
      env: options.env,
      ...(siteFile.proxy === undefined ? {} : { proxy: siteFile.proxy }),
      ...(options.proxyAuthority === undefined ? {} : { proxyAuthority: readText(options.proxyAuthority, "a certificate in PEM") }),
      ...bucketOf(siteFile),
    };
    const identity =
      (await identityHere(disk, storeKey, options.token, door)) ??
      fail("AUTH_REQUIRED", {
        where: options.data,
        expected: "an enrolled plant",
        got: "no identity",
        remedy: "ask the operator for a token and pass it with --token",
      });
    if (identity.name !== siteFile.site) {
      fail("MEMBER_CONFLICT", {
        where: options.siteFile,
        expected: `site: ${identity.name}, as this folder was enrolled`,
        got: siteFile.site,
        remedy: "use the data folder of this site, or correct the site file",
      });
    }
    const journal = await openJournal({ disk, key: storeKey, random: systemRandom });
    closing.unshift(() => journal.close());
    const blobs = await fileBlobs(disk, { sealed: { key: storeKey, random: systemRandom } });
    const executor = threadExecutor({ workers: siteFile.workers, apart: true });
    closing.unshift(() => executor.close());

    const connection = await connect({
      disk,
      storeKey,
      identity,
      door: (of) => ({ ...door, ...signerOf(of) }),
      url: options.url ?? siteFile.coordinator,
      renewed: ({ facts }) => options.renewed?.(facts.notAfter),
      failed: (error) => options.log({ kind: "refused", code: "CERTIFICATE_INVALID", text: `renewal: ${wordsOf(error)}` }),
    });
    closing.unshift(() => connection.close());

    const plant = await createPlant({
      identity,
      trust: () => connection.identity().trust,
      link: connection.link,
      journal,
      blobs,
      clock: systemClock,
      random: systemJitter,
      executor,
      policy: () => policyOf(siteFile, siteFolder, disk),
      module: (file, plan) => moduleModelOf(file, plan, modules),
      part(file, plan) {
        // Code that reads the federation's own data comes with the plan, so the plan has to pin it.
        if (usesFederationData(siteFile) && isModulePath(file.data.use)) checkModule(plan, file.data.use, modules);
        return sitePart(siteFile, file, {
          folder: siteFolder,
          ...(options.federationFolder === undefined ? {} : { federationFolder: options.federationFolder }),
          ...(options.dataRoot === undefined ? {} : { dataRoot: options.dataRoot }),
        });
      },
      once: options.once,
      signal: options.signal,
      log: options.log,
      halted: options.halted,
    });
    return {
      plant,
      identity,
      async close() {
        // All of it, whatever fails: what stays open would keep the process, and its lock, alive.
        const faults: unknown[] = [];
        for (const close of closing) {
          try {
            await close();
          } catch (error) {
            faults.push(error);
          }
        }
        if (faults.length > 0) throw faults[0];
      },
    };

    function signerOf({ key, certificate }: Identity) {
      if (options.signed !== true) return {};
      return { sign: createRequestSigner({ key, certificate, clock: systemClock, random: systemRandom }) };
    }
  } catch (error) {
    for (const close of closing) await Promise.resolve(close()).catch(() => undefined);
    throw error;
  }
}

/** The policy as it is on the plant now: an owner who changes it need not restart anything. */
async function policyOf(
  siteFile: SiteFile,
  folder: string,
  disk: ReturnType<typeof folderDisk>,
): Promise<{ readonly policy: Policy; readonly paused: boolean }> {
  const { policy } = siteFile;
  const read = typeof policy === "string" ? readPolicy(readText(resolve(folder, policy), "a policy file"), policy) : policy;
  // No policy of its own: everything but code that comes with a plan.
  if (read === undefined) return { policy: defaultPolicy, paused: false };
  const beside = folderDisk(typeof policy === "string" ? dirname(resolve(folder, policy)) : folder);
  const paused = (await beside.size(read.pause)) !== undefined || (await disk.size(read.pause)) !== undefined;
  return { policy: read, paused };
}

function bucketOf({ bandwidth }: SiteFile) {
  const rate = bandwidth === undefined ? undefined : typeof bandwidth === "number" ? bandwidth : parseBandwidth(String(bandwidth));
  return rate === undefined ? {} : { bucket: linkBucket(rate) };
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
