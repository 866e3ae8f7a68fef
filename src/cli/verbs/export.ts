/** `millwright export`: a trained model for other runtimes. */
import { dirname, join } from "node:path";
import { fail } from "../../core/errors.js";
import type { Bundle } from "../../round/bundle.js";
import { line, writeJson } from "../context.js";
import { type Verb, wantsJson } from "../program.js";
import { bytes as size } from "../show/text.js";
import { inRun, writeWhole } from "./files.js";
import { resolvePath, shownPath } from "./numbers.js";
import { readBytes } from "./predict.js";

const forms = {
  onnx: { file: "model.onnx", what: "ONNX opset 17, inputs channels last, number of examples open" },
  safetensors: { file: "weights.safetensors", what: "weights only, with PyTorch's names and layouts" },
  bundle: { file: "model.safetensors", what: "weights and everything `millwright predict` needs, in one file" },
} as const;

type Form = keyof typeof forms;

export const exportVerb: Verb = (program, run) => {
  program
    .command("export")
    .description("Write a trained model for other runtimes: ONNX, safetensors, or a bundle for `predict`.")
    .argument("<model>", "model.safetensors as written by `millwright simulate`, or its folder")
    .requiredOption("--to <form>", `${Object.keys(forms).join(", ")}`)
    .option("--out <file>", "where to write it (default: beside the model)")
    .option("--json", "print what was written as JSON")
    .action((path: string, options: { to: string; out?: string }, command) =>
      run(async (context) => {
        if (!Object.hasOwn(forms, options.to)) fail("USAGE", { where: "--to", expected: Object.keys(forms).join(", "), got: options.to });
        const form = options.to as Form;
        const from = inRun(resolvePath(context, path), "model.safetensors");
        const to = options.out === undefined ? join(dirname(from), forms[form].file) : resolvePath(context, options.out);
        const { decodeBundle } = await import("../../round/bundle.js");
        const bytes = await encode(decodeBundle(readBytes(from), from), form);
        writeWhole(to, bytes);
        if (wantsJson(command)) writeJson(context, { file: to, form, bytes: bytes.length });
        else line(context.out, `Wrote ${shownPath(context, to)} (${size(bytes.length)}): ${forms[form].what}.`);
        return 0;
      }),
    );
};

async function encode(bundle: Bundle, form: Form): Promise<Uint8Array> {
  const { encodeBundle } = await import("../../round/bundle.js");
  if (form === "bundle") return encodeBundle(bundle);
  const { digestValues } = await import("../../io/store/digest.js");
  const metadata = { federation: bundle.federation, sha256: digestValues(bundle.values) };
  if (form === "safetensors") {
    const { writeSafetensors } = await import("../../model/safetensors.js");
    const { inferModel } = await import("../../model/shape.js");
    return writeSafetensors(inferModel(bundle.model).tensors, bundle.values, { format: "pt", ...metadata });
  }
  const { encodeOnnx } = await import("../../round/onnx.js");
  return encodeOnnx(bundle, metadata);
}
