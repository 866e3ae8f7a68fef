/** A worker of an engine as a process of its own, to be killed. Says on standard output which nodes it holds. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const given = JSON.parse(process.argv[2]);
const load = (path) => import(pathToFileURL(join(given.sources, path)).href);
const { startAggregator } = await load("coordinator/aggregator.js");
const { engineShape } = await load("coordinator/engine-roles.js");
const { buildRule } = await load("aggregation/registry.js");
const { systemClock } = await load("io/clock.js");
const { systemRandom } = await load("io/crypto/system-random.js");
const { natsQueue } = await load("io/engine/nats.js");
const { openRecord } = await load("io/record/open.js");
const { s3Blobs } = await load("io/store/blobs-s3.js");
const { encodeBundle } = await load("round/bundle.js");
const { parseFederation } = await load("round/file.js");

const { children, shards, run } = given;
const file = parseFederation(given.file);
const record = await openRecord({ url: given.postgres });
const blobs = await s3Blobs({ ...given.s3, random: systemRandom });
const queue = await natsQueue({ servers: [given.nats], name: given.name, clock: systemClock, limits: { ackWait: 2000 } });
await startAggregator({
  shape: engineShape({ file, children, rule: buildRule(file.aggregate), shards, name: "enterprise" }),
  run,
  record,
  blobs,
  queue,
  clock: systemClock,
  random: systemRandom,
  lease: 2500,
  republish: 700,
  log: (_level, event, { node }) => process.stdout.write(`${event} ${node}\n`),
  async released(release) {
    const { sha256 } = await blobs.put(encodeBundle(release.bundle));
    await record.putSetting("released bundle", sha256);
  },
});
