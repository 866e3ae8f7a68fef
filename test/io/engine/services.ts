/** What an engine stands on, started for a test: PostgreSQL, nats-server and an S3-compatible server, each our own. */
import { systemClock } from "../../../src/io/clock.js";
import { systemRandom } from "../../../src/io/crypto/system-random.js";
import { natsQueue } from "../../../src/io/engine/nats.js";
import type { ReferenceQueue } from "../../../src/io/engine/queue.js";
import { openRecord } from "../../../src/io/record/open.js";
import { s3Blobs } from "../../../src/io/store/blobs-s3.js";
import type { S3Options } from "../../../src/io/store/blobs-s3-bucket.js";
import { hasS3, needsS3, startS3 } from "../../contract/s3-server.js";
import { needsPostgres, type PostgresServer, postgresPrograms, startPostgres } from "../record/postgres-server.js";
import { hasNats, type NatsServer, needsNats, startNats } from "./nats-server.js";
import type { Parts } from "./world.js";

export const ready = hasS3 && hasNats && postgresPrograms() !== undefined;
export const needed = ready ? "" : ` ${needsPostgres} ${needsNats} ${needsS3}`;

export interface Services {
  readonly postgres: PostgresServer;
  readonly nats: NatsServer;
  readonly s3: S3Options;
  /** What one more process of an engine has. */
  readonly parts: (database: string, label: string, how?: ReferenceQueue) => Promise<Parts>;
  readonly stop: () => Promise<void>;
}

export async function startServices(): Promise<Services> {
  const [postgres, nats, s3] = await Promise.all([startPostgres(), startNats(), startS3()]);
  const closing: (() => Promise<unknown>)[] = [];
  return {
    postgres,
    nats,
    s3: s3.options,
    async parts(url, label, how) {
      const record = await openRecord({ url });
      const blobs = await s3Blobs({ ...s3.options, prefix: `${label}/`, random: systemRandom });
      const queue = how ?? (await natsQueue({ servers: [nats.url], name: label, clock: systemClock, limits: { ackWait: 2000 } }));
      closing.push(queue.close, record.close);
      return { record, blobs, queue };
    },
    async stop() {
      for (const close of closing) await close();
      await Promise.all([postgres.stop(), nats.stop(), s3.stop()]);
    },
  };
}
