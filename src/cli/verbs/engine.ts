/** `millwright engine`: one process of a coordinator that has outgrown its machine. Any number of them share one run; see docs/scaling.md. */
import { dirname } from "node:path";
import { fail } from "../../core/errors.js";
import { line } from "../context.js";
import { logTo } from "../network/log.js";
import { untilStopped } from "../network/stop.js";
import { type Verb, wantsJson } from "../program.js";
import { resolvePath, wholeNumber } from "./numbers.js";

interface Options {
  readonly home: string;
  readonly record: string;
  readonly s3: string;
  readonly bucket: string;
  readonly nats?: string;
  readonly shards: string;
  readonly front?: boolean;
  readonly work?: boolean;
  readonly host: string;
  readonly port: string;
  readonly name: readonly string[];
  readonly org: string;
  readonly sites?: string;
  readonly release: string;
  readonly log: string;
}

export const engineVerb: Verb = (program, run) => {
  program
    .command("engine")
    .description("Run one of several coordinator processes that share PostgreSQL, a bucket and perhaps NATS: a front, a worker, or both.")
    .argument("<file>", "federation file, the same for every process")
    .requiredOption("--record <url>", "postgres://user:password@host/database")
    .requiredOption("--s3 <url>", "address of an S3-compatible service; credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    .requiredOption("--bucket <name>", "bucket for frames and models")
    .option("--nats <servers>", "NATS servers, separated by commas; without them the database alone carries references")
    .option("--home <folder>", "the federation's home: authority and keys, the same for every process", "coordinator")
    .option("--shards <n>", "nodes that add up for the root, the same for every process", "0")
    .option("--front", "serve members over HTTPS")
    .option("--work", "drive nodes")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on, 0 for any free one", "8443")
    .option(
      "--name <name>",
      "DNS name or IP address of the fronts; may be repeated",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option("--org <name>", "organisation that its members belong to", "members")
    .option("--sites <names>", "sites that take part, separated by commas, where the file does not name them")
    .option("--release <how>", "automatic, or manual", "automatic")
    .option("--log <format>", "text or json", "text")
    .option("--json", "print what this process is as JSON once it runs")
    .action((file: string, options: Options, command) =>
      run(async (context) => {
        if (options.front !== true && options.work !== true) {
          fail("USAGE", { where: "engine", expected: "--front, --work, or both", got: "neither", remedy: "see docs/scaling.md" });
        }
        const [
          { startEngine },
          { ownPlan },
          { openRecord },
          { s3Blobs },
          { natsQueue },
          { noQueue },
          { folderDisk },
          { systemClock },
          { systemRandom },
          { readFederationFile },
          { readText },
          { separateNames },
        ] = await Promise.all([
          import("../../coordinator/engine-server.js"),
          import("../../coordinator/serve.js"),
          import("../../io/record/open.js"),
          import("../../io/store/blobs-s3.js"),
          import("../../io/engine/nats.js"),
          import("../../io/engine/queue.js"),
          import("../../io/disk/folder.js"),
          import("../../io/clock.js"),
          import("../../io/crypto/system-random.js"),
          import("../../round/file.js"),
          import("../../io/read-text.js"),
          import("../network/names.js"),
        ]);
        const path = resolvePath(context, file);
        const { federation } = readFederationFile(readText(path, "a federation file"), file);
        const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = context.env;
        const record = await openRecord({ url: options.record });
        const blobs = await s3Blobs({
          endpoint: options.s3,
          bucket: options.bucket,
          random: systemRandom,
          ...(accessKeyId === undefined || secretAccessKey === undefined ? {} : { credentials: { accessKeyId, secretAccessKey } }),
        });
        const queue =
          options.nats === undefined
            ? noQueue
            : await natsQueue({ servers: options.nats.split(","), name: federation.replaceAll(".", "_"), clock: systemClock });
        const log = logTo(context, options.log === "json" ? "json" : "text");
        const { names, addresses } = separateNames(options.name.length > 0 ? options.name : ["localhost", options.host]);
        const port = wholeNumber("--port", 0, 65_535)(options.port);
        const shards = wholeNumber("--shards", 0, 64)(options.shards);
        const sites = options.sites?.split(",").map((one) => one.trim());
        const engine = await startEngine({
          disk: folderDisk(resolvePath(context, options.home)),
          record,
          blobs,
          queue,
          clock: systemClock,
          random: systemRandom,
          log,
          federation,
          plan: (home) => ownPlan({ file: path, org: options.org, ...(sites === undefined ? {} : { sites }) }, home, record, blobs),
          modules: dirname(path),
          shards,
          ...(options.front === true ? { serve: { host: options.host, port } } : {}),
          names,
          addresses,
          work: options.work === true,
          passphrase: context.env.MILLWRIGHT_AUTHORITY_PASSPHRASE,
          automaticRelease: options.release !== "manual",
          memory: () => process.memoryUsage.rss(),
          processorSeconds: () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
        });
        try {
          if (wantsJson(command))
            line(context.out, JSON.stringify({ run: engine.run, url: engine.url, work: options.work === true, shards }));
          else line(context.out, engine.url ?? engine.run);
          await untilStopped(context, new Promise(() => {}));
        } finally {
          await engine.close();
          await queue.close();
          blobs.close();
          await record.close();
        }
        return 0;
      }),
    );
};
