/**
 * NEU hot-rolled steel surface defects (Song and Yan, Northeastern University): 1,800 grey images, six classes of 300,
 * here averaged to 64 x 64 and kept as raw bytes, so that no image decoder is needed. Values are scaled to 0..1.
 */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { fail } from "../../../core/errors.js";
import type { Dataset } from "../../../data/dataset.js";
import { categoryOf, valuesOf } from "../../../data/schema-table.js";
import { setFile } from "../folder.js";
import { readCsvTable } from "../read.js";

const unpack = promisify(gunzip);
const name = "neu-surface-defects";
const classes = ["crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches"] as const;
const side = 64;
const parts = ["neu_64x64_gray_a.bin.gz", "neu_64x64_gray_b.bin.gz"] as const;

/** Loads the set. Errors: DATA_MISSING, DATA_INVALID (counts that do not fit), FILE_UNREADABLE. */
export async function loadNeu(root: string): Promise<Dataset> {
  const labels = await readCsvTable(
    await setFile(root, name, "neu_labels.csv"),
    [
      { name: "index", kind: "number" },
      { name: "class", kind: "number" },
      { name: "name", kind: "category", labels: classes },
    ],
    { delimiter: ",", header: true },
  );
  const pixels = side * side;
  const values = new Float32Array(labels.rows * pixels);
  let filled = 0;
  for (const part of parts) {
    const bytes = await gunzipFile(await setFile(root, name, part), values.length - filled);
    for (let i = 0; i < bytes.length; i++) values[filled + i] = bytes[i] / 255;
    filled += bytes.length;
  }
  if (filled !== values.length) {
    fail("DATA_INVALID", { where: name, expected: `${labels.rows} images of ${pixels} bytes`, got: `${filled} bytes` });
  }
  const kind = categoryOf(labels, "name");
  const index = valuesOf(labels, "index");
  const code = valuesOf(labels, "class");
  for (let i = 0; i < labels.rows; i++) {
    if (index[i] !== i || code[i] !== kind.codes[i]) {
      fail("DATA_INVALID", {
        where: `neu_labels.csv, row ${i + 1}`,
        expected: `index ${i} and class ${kind.codes[i]}`,
        got: `${index[i]} and ${code[i]}`,
      });
    }
  }
  return {
    name,
    description: "NEU surface defects (Song and Yan): real images of hot-rolled steel, 64 x 64 grey, six kinds of defect",
    readings: {
      rows: labels.rows,
      columns: [
        { name: "image", kind: "tensor", shape: [side, side, 1], values },
        { ...kind, name: "class" },
      ],
    },
    inputs: ["image"],
    target: "class",
    notes: [
      "No licence was found (published for research): do not ship it in a product.",
      "The originals are 200 x 200; these are box averages. Every class has 300 images, so accuracy is a fair measure.",
    ],
  };
}

/** Unpacks a file of at most `limit` bytes. */
async function gunzipFile(path: string, limit: number): Promise<Buffer> {
  try {
    return await unpack(await readFile(path), { maxOutputLength: Math.max(limit, 1) });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      fail("DATA_INVALID", { where: path, expected: `at most ${limit} bytes of images`, got: "more", cause });
    }
    fail("FILE_UNREADABLE", { where: path, expected: "a whole gzip file", got: String(cause), cause });
  }
}
