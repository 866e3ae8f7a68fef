/**
 * Exits with 0 where a coordinator on this machine answers /healthz (or the path that is given), else with 1. For a container's health check:
 * no shell, no curl. The certificate is not judged: it is loopback, and members judge it.
 *
 *   node healthcheck.mjs [PORT [PATH]]
 */
import { request } from "node:https";

const [port = "8443", path = "/healthz"] = process.argv.slice(2);
const asked = request({ host: "127.0.0.1", port: Number(port), path, rejectUnauthorized: false, timeout: 4000, agent: false }, (answer) => {
  answer.resume();
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
});
asked.on("timeout", () => asked.destroy(new Error("no answer")));
asked.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
asked.end();
