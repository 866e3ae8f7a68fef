/** A user's data source: one sensor and a value that follows it, of three machines. `broken`: a row whose reading is no number. */
export default ({ options }) => {
  const rows = 180;
  const a = Float64Array.from({ length: rows }, (_, i) => (i * 37) % 11);
  const y = a.map((value, i) => 3 * value + (i % 7));
  if (options.broken !== undefined) a[options.broken] = Number.NaN;
  const codes = Int32Array.from({ length: rows }, (_, i) => Math.floor(i / 60));
  return {
    name: "sensors",
    description: "one sensor of three machines",
    machine: "machine",
    time: "time",
    target: "y",
    inputs: ["a"],
    readings: {
      rows,
      columns: [
        { name: "machine", kind: "category", labels: ["x", "y", "z"], codes },
        { name: "time", kind: "number", values: Float64Array.from({ length: rows }, (_, i) => i % 60) },
        { name: "a", kind: "number", values: a },
        { name: "y", kind: "number", values: y },
      ],
    },
  };
};
