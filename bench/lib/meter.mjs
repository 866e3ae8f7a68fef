/** What two sides of a comparison cost on this machine, measured alike: bytes through a counting relay, resident memory of process trees. */
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";

/** A relay on loopback that counts what passes: wire bytes, with TLS and HTTP around them. */
export async function countingRelay(port) {
  const counted = { up: 0, down: 0 };
  const open = new Set();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      counted.up += bytes.length;
    });
    upstream.on("data", (bytes) => {
      counted.down += bytes.length;
    });
    client.pipe(upstream).pipe(client);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    total: () => counted.up + counted.down,
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

/** Resident bytes of a process and all below it; undefined where the system has no /proc. */
export function treeMemory(pid) {
  try {
    const parents = new Map();
    const resident = new Map();
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const status = readFileSync(`/proc/${name}/status`, "utf8");
        parents.set(Number(name), Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]));
        resident.set(Number(name), Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024);
      } catch {
        // It ended meanwhile.
      }
    }
    const below = (one) => {
      for (let at = one, depth = 0; at !== undefined && at > 0 && depth < 50; at = parents.get(at), depth++) if (at === pid) return true;
      return false;
    };
    let sum = 0;
    for (const [one, bytes] of resident) if (below(one)) sum += bytes;
    return sum;
  } catch {
    return undefined;
  }
}

/** Looks at process trees until it is stopped; the most that each had. */
export function watchMemory(pids) {
  const most = pids.map(() => 0);
  const look = () => {
    for (const [i, pid] of pids.entries()) most[i] = Math.max(most[i], treeMemory(pid) ?? 0);
  };
  const timer = setInterval(look, 500);
  return () => {
    clearInterval(timer);
    look();
    return most;
  };
}
