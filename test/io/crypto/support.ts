/** Authorities, members and a clock that tests set; `openssl` as an independent reader of what is written. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MillwrightError } from "../../../src/core/errors.js";
import { millis } from "../../../src/core/quantities.js";
import { seeded } from "../../../src/core/random.js";
import type { Role } from "../../../src/core/route.js";
import { type Authority, createAuthority, openAuthority } from "../../../src/io/crypto/authority.js";
import { exportPrivateKey, generateKey } from "../../../src/io/crypto/keys.js";
import { createRequest } from "../../../src/io/crypto/request.js";

/** 2026-11-22T00:00:00Z. */
export const noon = millis(Date.UTC(2026, 10, 22));
export const day = 86_400_000;

export function testClock(start = noon) {
  const state = { now: start };
  return {
    now: () => state.now,
    at: () => () => undefined,
    set: (moment: number) => {
      state.now = millis(moment);
    },
    pass: (span: number) => {
      state.now = millis(state.now + span);
    },
  };
}

export function testRandom(seed = 1) {
  const draw = seeded(seed, "secrets");
  return { bytes: (length: number) => Uint8Array.from({ length }, () => draw.integer(256)) };
}

export function testAuthority(federation = "press-shops", clock: { now: () => number } = testClock()): Authority {
  const ports = { clock: { now: () => millis(clock.now()) }, random: testRandom() };
  return openAuthority({ ...createAuthority({ federation, ...ports }), ...ports });
}

/** A member's key and certificate; `at` is when it was issued, so one that lies 40 days back has expired. */
export function issue(authority: Authority, name: string, role: Role = "site", org = "acme") {
  const key = generateKey("p256");
  return { key, keyPem: exportPrivateKey(key), ...authority.issueMember(createRequest(key, name), { org, name, role }) };
}

/** An authority whose certificates were all issued 40 days before `now`: its members' have expired, its own has not. */
export function issueExpired(name: string, federation = "press-shops", now: number = noon) {
  const authority = testAuthority(federation, testClock(millis(now - 40 * day)));
  return { authority, member: issue(authority, name) };
}

/** The code of what a function throws. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof MillwrightError ? error.code : `not coded: ${error}`;
  }
  return "nothing thrown";
}

export async function codeOfAsync(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    return error instanceof MillwrightError ? error.code : `not coded: ${error}`;
  }
  return "nothing thrown";
}

/** Runs openssl on files by name; gives what it prints, or its complaint. */
export function openssl(args: readonly string[], files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "millwright-openssl-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return execFileSync("openssl", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    return `refused: ${(error as { stderr?: string }).stderr ?? error}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
