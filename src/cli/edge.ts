#!/usr/bin/env node
/**
 * Entry of edge.mjs, the one file that runs a plant with nothing installed beside it: the verbs of a plant, and, in a thread of its own, the
 * worker that trains. Coordinator, simulator and their packages are not in it; `scripts/bundle-edge.mjs` makes it and a test holds its size.
 */
import { isMainThread } from "node:worker_threads";
import { doctor } from "./preflight/verb.js";
import { runVerbs } from "./program.js";
import { startProcess } from "./start.js";
import { enrollVerb } from "./verbs/enroll.js";
import { joinVerb } from "./verbs/join.js";
import { outboxVerb } from "./verbs/outbox.js";
import { rotateVerb } from "./verbs/rotate.js";
import { statusVerb } from "./verbs/status.js";

if (isMainThread) {
  await startProcess((args, context) =>
    runVerbs([joinVerb, enrollVerb, rotateVerb, outboxVerb, statusVerb, doctor(undefined)], args, context),
  );
} else {
  // The bundle starts itself as its worker.
  await import("../io/workers/worker.js");
}
