/**
 * A TCP proxy with faults, for the link between two nodes: latency, bandwidth, reset, half-open connections, corrupt bytes, partitions.
 * It forwards bytes and knows nothing of TLS, so whatever it does to them is what a network can do. One proxy is one link: its port
 * stays the same while the node behind it is killed and comes back on another.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

export interface LinkFaults {
  /** Each way. */
  readonly latencyMs?: number;
  /** Each way and connection. */
  readonly bytesPerSecond?: number;
  /** Bytes that arrive are thrown away: the other side hears nothing, and nobody is told. "up" is from the child to the parent. */
  readonly partition?: "both" | "up" | "down";
}

export interface LinkProxy {
  readonly port: number;
  /** Where to forward to from now on; undefined: nobody answers there. */
  readonly point: (port: number | undefined) => void;
  readonly set: (faults: LinkFaults) => void;
  /** Ends every open connection with RST, half-open ones too. Returns how many whole ones there were. */
  readonly reset: () => number;
  /** The parent's side of every open connection ends, and the child's side hears nothing of it. */
  readonly halfOpen: () => number;
  /** One bit of the next bytes that come up is turned. */
  readonly corrupt: () => void;
  readonly connections: () => number;
  readonly bytes: () => { readonly up: number; readonly down: number; readonly corrupted: number };
  readonly close: () => Promise<void>;
}

interface Pair {
  readonly child: Socket;
  readonly parent: Socket;
}

export async function linkProxy(options: { readonly host?: string; readonly target?: string } = {}): Promise<LinkProxy> {
  let target: number | undefined;
  let faults: LinkFaults = {};
  let corrupting = false;
  const told = { up: 0, down: 0, corrupted: 0 };
  const pairs = new Set<Pair>();
  const orphans = new Set<Socket>();

  const server: Server = createServer({ allowHalfOpen: true }, (child) => {
    child.on("error", () => child.destroy());
    if (target === undefined) return void child.resetAndDestroy();
    const parent = connect({ port: target, host: options.target ?? "127.0.0.1", allowHalfOpen: true });
    const pair: Pair = { child, parent };
    pairs.add(pair);
    // A connection refused or reset on one side is reset on the other.
    const broken = () => {
      if (!pairs.delete(pair)) return;
      child.resetAndDestroy();
      parent.resetAndDestroy();
    };
    parent.on("error", broken);
    child.on("error", broken);
    pump(pair, child, parent, "up");
    pump(pair, parent, child, "down");
    const ended = () => {
      if (child.destroyed && parent.destroyed) pairs.delete(pair);
    };
    child.on("close", ended);
    parent.on("close", ended);
  });

  /** Chunk after chunk, each when its delay and its share of the bandwidth have passed; the reader waits meanwhile. */
  function pump(pair: Pair, from: Socket, to: Socket, way: "up" | "down"): void {
    let free = 0;
    let last: Promise<void> = Promise.resolve();
    from.on("data", (chunk: Buffer) => {
      if (faults.partition === "both" || faults.partition === way) return;
      told[way] += chunk.length;
      if (corrupting && way === "up") {
        corrupting = false;
        told.corrupted++;
        chunk[chunk.length >> 1] ^= 0x10;
      }
      const now = performance.now();
      const { latencyMs = 0, bytesPerSecond } = faults;
      free = Math.max(free, now) + (bytesPerSecond === undefined ? 0 : (chunk.length / bytesPerSecond) * 1000);
      const due = free + latencyMs;
      // At most a second of bytes is on the way; more waits at the sender.
      if (due - now > 1000) {
        from.pause();
        setTimeout(() => from.resume(), due - now - 1000);
      }
      last = last.then(async () => {
        const wait = due - performance.now();
        if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait));
        if (to.destroyed || !pairs.has(pair)) return;
        if (!to.write(chunk)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      });
    });
    from.on("end", () => {
      last = last.then(() => {
        if (pairs.has(pair)) to.end();
      });
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, options.host ?? "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");

  function all(act: (pair: Pair) => void): number {
    const open = [...pairs];
    for (const pair of open) {
      pairs.delete(pair);
      act(pair);
    }
    return open.length;
  }
  function reset(): number {
    for (const socket of orphans) socket.resetAndDestroy();
    return all(({ child, parent }) => {
      child.resetAndDestroy();
      parent.resetAndDestroy();
    });
  }

  return {
    port: address.port,
    point(port) {
      target = port;
    },
    set(next) {
      faults = next;
    },
    reset,
    halfOpen: () =>
      all(({ child, parent }) => {
        parent.resetAndDestroy();
        child.removeAllListeners("data");
        // It goes on taking what the child says, as a dead network does until its buffers are full.
        child.resume();
        orphans.add(child);
        child.on("close", () => orphans.delete(child));
      }),
    corrupt() {
      corrupting = true;
    },
    connections: () => pairs.size,
    bytes: () => ({ ...told }),
    async close() {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
