/** `millwright collect`: readings of thin devices, from an MQTT broker into the plant's own table. Sensor data only; never weights. */
import { readFileSync } from "node:fs";
import { parseDuration } from "../../core/duration.js";
import { line } from "../context.js";
import { logTo } from "../network/log.js";
import { untilStopped } from "../network/stop.js";
import { type Verb, wantsJson } from "../program.js";
import { resolvePath, wholeNumber } from "./numbers.js";

interface Options {
  readonly topic: string;
  readonly columns: string;
  readonly client: string;
  readonly data: string;
  readonly days: string;
  readonly every: string;
  readonly ca?: string;
  readonly log: string;
}

export const collectVerb: Verb = (program, run) => {
  program
    .command("collect")
    .description("Collect readings of thin devices from an MQTT broker: durable before they are acknowledged, each written once.")
    .argument("<url>", "broker, such as mqtt://10.0.0.9:1883 or mqtts://broker:8883; user and password in MQTT_USER and MQTT_PASSWORD")
    .requiredOption("--topic <pattern>", "topics with the place of the device's name, such as plant/{device}/readings")
    .requiredOption("--columns <names>", "readings that are kept, separated by commas")
    .option("--client <name>", "names the session at the broker; one collector at a time may use it", "millwright")
    .option("--data <folder>", "folder of the day files and of readings.csv, which a site file names", "readings")
    .option("--days <n>", "days that readings.csv holds", "90")
    .option("--every <duration>", "how often readings.csv is written anew where something came", "15min")
    .option("--ca <file>", "PEM of the broker's authority, for mqtts")
    .option("--log <format>", "text or json", "text")
    .option("--json", "print the counts as JSON at the end")
    .action((url: string, options: Options, command) =>
      run(async (context) => {
        const [{ collect }, { folderDisk }, { systemClock }] = await Promise.all([
          import("../../io/bridge/mqtt.js"),
          import("../../io/disk/folder.js"),
          import("../../io/clock.js"),
        ]);
        const { MQTT_USER: user, MQTT_PASSWORD: password } = context.env;
        const disk = folderDisk(resolvePath(context, options.data));
        await disk.makeFolder("");
        const collector = await collect({
          url,
          topic: options.topic,
          columns: options.columns.split(",").map((one) => one.trim()),
          client: options.client,
          ...(user === undefined ? {} : { user }),
          ...(password === undefined ? {} : { password }),
          ...(options.ca === undefined ? {} : { tls: { ca: readFileSync(resolvePath(context, options.ca), "utf8") } }),
          disk,
          folder: "days",
          clock: systemClock,
          table: {
            path: "readings.csv",
            days: wholeNumber("--days", 1, 3660)(options.days),
            every: parseDuration(options.every, "--every"),
          },
          log: logTo(context, options.log === "json" ? "json" : "text"),
        });
        try {
          await untilStopped(context, new Promise(() => {}));
        } finally {
          await collector.close();
        }
        const counts = collector.counts();
        if (wantsJson(command)) line(context.out, JSON.stringify(counts));
        else
          line(context.out, `${counts.rows} rows of ${counts.messages} messages; ${counts.repeated} repeated, ${counts.refused} refused`);
        return 0;
      }),
    );
};
