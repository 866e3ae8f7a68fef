/** How figures are printed: one line each for people, or JSON lines. */

export function printer(json) {
  const done = [];
  return {
    done,
    /** Fields of one figure; `text` is its line. */
    say(fields, text) {
      done.push(fields);
      console.log(json ? JSON.stringify(fields) : text);
    },
  };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export const round = (value, digits = 3) => Number(value.toPrecision(digits));
export const megabytes = (bytes) => `${Math.round(bytes / 1048576)} MB`;
export const samples = (value) => `${Math.round(value).toLocaleString("en")} samples/s`;
