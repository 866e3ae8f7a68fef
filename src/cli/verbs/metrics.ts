/**
 * `millwright metrics`: a coordinator's figures, printed once or passed on to a Prometheus on this machine. The coordinator tells them to
 * members only, and a member's key lies encrypted in its folder: so this program asks with it, and answers on loopback in the clear.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fail } from "../../core/errors.js";
import { line, writeJson } from "../context.js";
import { openSession } from "../network/member.js";
import { untilStopped } from "../network/stop.js";
import { type Verb, wantsJson } from "../program.js";
import { wholeNumber } from "./numbers.js";

export const metricsVerb: Verb = (program, run) => {
  program
    .command("metrics")
    .description("Print a coordinator's figures in Prometheus' format; with --port, pass them on to a Prometheus on this machine.")
    .option("--as <folder>", "identity of who asks: auditor or admin", "coordinator/admin")
    .option("--port <number>", "answer http://127.0.0.1:PORT/metrics until stopped, 0 for any free port")
    .option("--json", "print the text as a JSON string")
    .action((options: { readonly as: string; readonly port?: string }, command) =>
      run(async (context) => {
        const { client } = await openSession(context, options.as);
        const ask = async (): Promise<string> => {
          const { bytes } = await client.request({ method: "GET", path: "/metrics" });
          return new TextDecoder().decode(bytes ?? fail("MESSAGE_INVALID", { where: "/metrics", expected: "text", got: "nothing" }));
        };
        try {
          if (options.port === undefined) {
            const text = await ask();
            if (wantsJson(command)) writeJson(context, text);
            else context.out.write(text);
            return 0;
          }
          const server = createServer((request, response) => {
            request.resume();
            if (request.method !== "GET" || request.url !== "/metrics") return void response.writeHead(404).end();
            ask().then(
              (text) => response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text),
              (error) =>
                response.writeHead(502, { "content-type": "text/plain; charset=utf-8" }).end(`${String(error?.message ?? error)}\n`),
            );
          });
          server.maxConnections = 8;
          const failed = new Promise<never>((_, reject) => server.once("error", reject));
          server.listen({ host: "127.0.0.1", port: wholeNumber("--port", 0, 65_535)(options.port) }, () =>
            line(context.out, `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`),
          );
          await untilStopped(context, failed);
          server.closeAllConnections();
          server.close();
        } finally {
          client.close();
        }
        return 0;
      }),
    );
};
