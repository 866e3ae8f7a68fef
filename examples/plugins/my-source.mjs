/**
 * A source of your own: whatever you can read (a historian, a database, files of a format of yours) becomes a table with roles.
 * Here: presses whose pressure sinks and whose temperature rises while they leak.
 *
 * @param {{ options: { machines?: number, hours?: number }, folder: string }} given options: the other fields of `data:` in the federation
 *   file; folder: where that file lies
 */
export default function presses({ options: { machines = 8, hours = 500 } }) {
  const rows = machines * hours;
  const random = generator(7);
  const code = new Int32Array(rows);
  const time = new Float64Array(rows);
  const pressure = new Float64Array(rows);
  const temperature = new Float64Array(rows);
  const leak = new Float64Array(rows);
  for (let m = 0; m < machines; m++) {
    for (let h = 0; h < hours; h++) {
      const row = m * hours + h;
      const leaking = (h + 17 * m) % 60 >= 48;
      code[row] = m;
      time[row] = Date.UTC(2026, 0, 1) + h * 3_600_000;
      pressure[row] = 200 + 6 * random() - (leaking ? 5 : 0);
      temperature[row] = 60 + 4 * random() + (leaking ? 3 : 0);
      leak[row] = leaking ? 1 : 0;
    }
  }
  return {
    name: "presses",
    description: "SIMULATED hydraulic presses, hourly",
    machine: "press",
    time: "time",
    step: 3_600_000,
    target: "leak",
    inputs: ["pressure", "temperature"],
    // Sorted by machine, then by time. A missing reading is NaN; a missing label is -1.
    readings: {
      rows,
      columns: [
        { name: "press", kind: "category", labels: Array.from({ length: machines }, (_, m) => `press-${m + 1}`), codes: code },
        { name: "time", kind: "time", values: time },
        { name: "pressure", kind: "number", unit: "bar", values: pressure },
        { name: "temperature", kind: "number", unit: "degC", values: temperature },
        { name: "leak", kind: "number", values: leak },
      ],
    },
  };
}

/** Numbers in [0, 1) that are the same everywhere (Lehmer). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
