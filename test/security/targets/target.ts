/** What is fuzzed: a function that takes any bytes, and inputs to begin from. The shape of libFuzzer, Jazzer and AFL. */
export interface Target {
  readonly name: string;
  /** Whole and right inputs: mutations begin here. */
  readonly corpus: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /** Returns, or throws a MillwrightError; anything else that is thrown is a finding. */
  readonly fuzz: (data: Uint8Array) => unknown;
  /** Inputs are JSON: places in it are changed as well as bytes. */
  readonly json?: boolean;
  /** Part of the cases that this one gets; 1 unless it is slow. */
  readonly share?: number;
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (data: Uint8Array): string => Buffer.from(data).toString("utf8");
