/**
 * One instance of the compiled kernels with a memory of its own. Loads alike in Node, in a worker thread and in a
 * browser: the bytes are embedded, nothing is read. Memory grows on demand up to a declared limit.
 */
import { fail } from "../core/errors.js";
import { type Kernels, kernelSha256, kernelSize, kernelsBase64 } from "./binary.js";

const pageSize = 65536;
/** The first page is left to the kernels' own constants. */
const firstAddress = pageSize;

export const defaultMemoryLimit = 1024 * 1024 * 1024;

export interface KernelInstance {
  readonly kernels: Kernels;
  /** First free address. */
  readonly start: number;
  /** Bytes the memory may reach. */
  readonly limit: number;
  /** Makes addresses below `end` usable. Errors: MODEL_TOO_LARGE beyond the limit. Views taken before are no longer valid. */
  reserve(end: number, what: string): void;
  floats(): Float32Array;
  integers(): Int32Array;
  doubles(): Float64Array;
  bytes(): Uint8Array;
  /** Bytes of memory in use now. */
  size(): number;
}

let compiled: WebAssembly.Module | undefined;

function kernelModule(): WebAssembly.Module {
  if (compiled === undefined) {
    const text = atob(kernelsBase64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    if (bytes.length !== kernelSize) {
      fail("KERNEL_MISMATCH", { where: "kernels", expected: `${kernelSize} bytes`, got: `${bytes.length}`, remedy: "build again" });
    }
    compiled = new WebAssembly.Module(bytes);
  }
  return compiled;
}

/** SHA-256 of the .wasm in use: results are bit-exact between equal kernels only. */
export const kernelVersion: string = kernelSha256;

/** A fresh instance. `limit` is in bytes. */
export function instantiate(limit: number = defaultMemoryLimit): KernelInstance {
  const maximum = Math.min(65536, Math.max(4, Math.ceil(limit / pageSize)));
  const memory = new WebAssembly.Memory({ initial: 4, maximum });
  const { exports } = new WebAssembly.Instance(kernelModule(), { env: { memory, abort: () => fail("INTERNAL", aborted) } });
  let buffer: ArrayBuffer | undefined;
  let views: { f32: Float32Array; i32: Int32Array; f64: Float64Array; u8: Uint8Array } | undefined;

  function current() {
    if (views === undefined || buffer !== memory.buffer) {
      buffer = memory.buffer as ArrayBuffer;
      views = { f32: new Float32Array(buffer), i32: new Int32Array(buffer), f64: new Float64Array(buffer), u8: new Uint8Array(buffer) };
    }
    return views;
  }

  return {
    kernels: exports as unknown as Kernels,
    start: firstAddress,
    limit: maximum * pageSize,
    reserve(end, what) {
      const missing = Math.ceil((end - memory.buffer.byteLength) / pageSize);
      if (missing <= 0) return;
      if (end > maximum * pageSize) {
        fail("MODEL_TOO_LARGE", {
          where: what,
          expected: `at most ${maximum * pageSize} bytes of kernel memory`,
          got: `${end} bytes`,
          remedy: "use a smaller model, batch or table, or raise the memory limit",
        });
      }
      try {
        memory.grow(missing);
      } catch (cause) {
        fail("MODEL_TOO_LARGE", { where: what, expected: `${end} bytes of memory`, got: "a machine that has less", cause });
      }
    },
    floats: () => current().f32,
    integers: () => current().i32,
    doubles: () => current().f64,
    bytes: () => current().u8,
    size: () => memory.buffer.byteLength,
  };
}

const aborted = { where: "kernels", expected: "kernels that end", got: "abort" };
