/**
 * Tiny data sets in the exact format of the real files (headers, separators, line ends, byte order marks), so that every
 * loader is tested on a machine without the data. Values come from a seed.
 */
import { seeded } from "../../../src/core/random.js";
import { write } from "./write.js";

/** `engines` engines per split, of 40 cycles and more, in one regime (FD001, FD003) or six. */
export async function tinyCmapss(root: string, set = "FD001", engines = 4): Promise<void> {
  const random = seeded("tiny", "cmapss", set);
  const altitudes = set === "FD002" || set === "FD004" ? [0, 10, 20, 25, 35, 42] : [0];
  const part = (lengths: readonly number[]): string =>
    lengths
      .flatMap((length, e) =>
        Array.from({ length }, (_, c) => {
          const altitude = altitudes[random.integer(altitudes.length)];
          const settings = [(altitude + 0.003 * random.normal()).toFixed(4), (0.001 * random.normal()).toFixed(4), "100.0"];
          const sensors = Array.from({ length: 21 }, (_, s) => (500 + s + (c / length) * 3 + 0.5 * random.normal()).toFixed(2));
          return `${e + 1} ${c + 1} ${[...settings, ...sensors].join(" ")}  \n`;
        }),
      )
      .join("");
  const lengths = () => Array.from({ length: engines }, () => 40 + random.integer(30));
  await write(root, `cmapss/train_${set}.txt.gz`, part(lengths()));
  await write(root, `cmapss/test_${set}.txt.gz`, part(lengths()));
  await write(root, `cmapss/RUL_${set}.txt`, Array.from({ length: engines }, (_, e) => `${10 + 7 * e} \n`).join(""));
}

/** Three machines over `hours`, each with one failure on the third day, announced 24 h before by an error. */
export async function tinyAzure(root: string, hours = 240): Promise<void> {
  const random = seeded("tiny", "azure");
  const at = (hour: number) => new Date(Date.UTC(2015, 0, 1, 6) + hour * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
  const machines = [1, 2, 10];
  const telemetry = machines.flatMap((machine) =>
    Array.from(
      { length: hours },
      (_, h) => `${at(h)},${machine},${[171, 446, 100, 40].map((mean) => mean + 5 * random.normal()).join(",")}`,
    ),
  );
  await write(
    root,
    "azure-pdm/PdM_telemetry_m001-020_h2160.csv",
    `datetime,machineID,volt,rotate,pressure,vibration\n${telemetry.join("\n")}\n`,
  );
  await write(
    root,
    "azure-pdm/PdM_errors.csv",
    `"datetime","machineID","errorID"\r\n${machines.map((m, i) => `${at(48)},${m},"error${i + 1}"\r\n`).join("")}${at(50)},99,"error5"\r\n`,
  );
  await write(
    root,
    "azure-pdm/PdM_failures.csv",
    `"datetime","machineID","failure"\r\n${machines.map((m, i) => `${at(72)},${m},"comp${i + 1}"\r\n`).join("")}${at(72)},99,"comp4"\r\n`,
  );
  await write(
    root,
    "azure-pdm/PdM_machines.csv",
    '"machineID","model","age"\r\n1,"model3",18\r\n2,"model4",7\r\n10,"model3",2\r\n99,"model1",1\r\n',
  );
}

export async function tinyAi4i(root: string, rows = 200): Promise<void> {
  const random = seeded("tiny", "ai4i");
  const header =
    "\uFEFFUDI,Product ID,Type,Air temperature [K],Process temperature [K],Rotational speed [rpm],Torque [Nm],Tool wear [min],Machine failure,TWF,HDF,PWF,OSF,RNF";
  const lines = Array.from({ length: rows }, (_, i) => {
    const type = "LMH"[random.integer(3)];
    const failure = i % 20 === 0 ? 1 : 0;
    return `${i + 1},${type}${10_000 + i},${type},${(300 + random.normal()).toFixed(1)},${(310 + random.normal()).toFixed(1)},${1500 + random.integer(300)},${(40 + 5 * random.normal()).toFixed(1)},${random.integer(200)},${failure},0,${failure},0,0,0`;
  });
  await write(root, "ai4i2020/ai4i2020.csv", `${header}\r\n${lines.join("\r\n")}\r\n`);
}

export async function tinySkab(root: string, rows = 500): Promise<void> {
  const random = seeded("tiny", "skab");
  const header = "datetime;Accelerometer1RMS;Accelerometer2RMS;Current;Pressure;Temperature;Thermocouple;Voltage;Volume Flow RateRMS";
  const file = (labelled: boolean) => {
    const lines = Array.from({ length: rows }, (_, i) => {
      const time = new Date(Date.UTC(2020, 2, 9, 10, 0, i)).toISOString().slice(0, 19).replace("T", " ");
      const values = Array.from({ length: 8 }, () => random.normal().toFixed(5));
      const anomaly = i >= 430 && i < 470 ? "1.0" : "0.0";
      return [time, ...values, ...(labelled ? [anomaly, i === 430 ? "1.0" : "0.0"] : [])].join(";");
    });
    return `${labelled ? `${header};anomaly;changepoint` : header}\r\n${lines.join("\r\n")}\r\n`;
  };
  for (const path of ["valve1/0", "valve1/2", "valve1/10", "valve2/0", "other/1"]) await write(root, `skab/${path}.csv`, file(true));
  await write(root, "skab/anomaly-free/anomaly-free.csv", file(false));
}

export async function tinySecom(root: string, rows = 60): Promise<void> {
  const random = seeded("tiny", "secom");
  const lines = Array.from({ length: rows }, (_, i) => {
    const cells = [0, 1, 2].map(() => (random.integer(10) === 0 ? "" : random.normal().toFixed(4)));
    return `${i},${String(1 + (i % 28)).padStart(2, "0")}/08/2008 11:55:00,${i % 4 === 3 ? "test" : "train"},${cells.join(",")},${i % 10 === 0 ? 1 : -1}`;
  });
  await write(root, "secom/secom_1567x207.csv", `row,timestamp,split,f0,f2,f589,label\n${lines.join("\n")}\n`);
}

export async function tinySteelPlates(root: string, rows = 70): Promise<void> {
  const random = seeded("tiny", "plates");
  const faults = ["Pastry_Fault", "Z_Scratch_Fault", "K_Scatch_Fault", "Stains_Fault", "Dirtiness_Fault", "Bumps_Fault", "Other_Faults"];
  const lines = Array.from({ length: rows }, (_, i) => [
    random.integer(1000),
    i % 3 === 0 ? 1 : 0,
    i % 3 === 0 ? 0 : 1,
    ...faults.map((_, f) => (f === i % 7 ? 1 : 0)),
  ]);
  const header = ["Pixels_Areas", "TypeOfSteel_A300", "TypeOfSteel_A400", ...faults].join(",");
  await write(root, "steel-plates-faults/steel_plates_faults.csv", `${header}\n${lines.map((line) => line.join(",")).join("\n")}\n`);
}

export async function tinyNeu(root: string, images = 12): Promise<void> {
  const random = seeded("tiny", "neu");
  const classes = ["crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches"];
  const lines = Array.from({ length: images }, (_, i) => `${i},${i % 6},${classes[i % 6]},${classes[i % 6]}_${i}.jpg`);
  await write(root, "neu-surface-defects/neu_labels.csv", `index,class,name,source_file\n${lines.join("\n")}\n`);
  for (const part of ["a", "b"]) {
    const bytes = Uint8Array.from({ length: (images / 2) * 64 * 64 }, () => random.integer(256));
    await write(root, `neu-surface-defects/neu_64x64_gray_${part}.bin.gz`, bytes);
  }
}

export async function tinyHydraulic(root: string, cycles = 24): Promise<void> {
  const random = seeded("tiny", "hydraulic");
  const sensors = ["PS1", "PS2", "PS3", "PS4", "PS5", "PS6", "EPS1", "FS1", "FS2", "TS1", "TS2", "TS3", "TS4", "VS1", "CE", "CP", "SE"];
  for (const sensor of sensors) {
    // A line with slope 0.5 per second plus the cycle number, so that a test knows mean and slope.
    const lines = Array.from({ length: cycles }, (_, c) => Array.from({ length: 60 }, (_, t) => c + 0.5 * t).join("\t"));
    await write(root, `hydraulic-systems/${sensor}_1hz.txt.gz`, `${lines.join("\n")}\n`);
  }
  const pick = (values: readonly number[], c: number) => values[Math.floor(c / 6) % values.length];
  const profile = Array.from({ length: cycles }, (_, c) =>
    [pick([3, 20, 100], c), pick([100, 90, 80, 73], c), pick([0, 1, 2], c), pick([130, 115, 100, 90], c), random.integer(2)].join("\t"),
  );
  await write(root, "hydraulic-systems/profile.txt", `${profile.join("\n")}\n`);
}

export async function tinyCcpp(root: string, rows = 50): Promise<void> {
  const random = seeded("tiny", "ccpp");
  const lines = Array.from({ length: rows }, () => [20, 50, 1010, 70, 450].map((mean) => (mean + random.normal()).toFixed(2)).join(","));
  await write(root, "ccpp/Folds5x2_pp.csv", `\uFEFFtemperature,vacuum,pressure,humidity,energy\r\n${lines.join("\r\n")}\r\n`);
}

/** Days of quarter hours as the real file writes them: 00:15 to 23:45, then 00:00 still under the same date. */
export async function tinySteelEnergy(root: string, days = 3): Promise<void> {
  const random = seeded("tiny", "energy");
  const header =
    "\uFEFFdate,Usage_kWh,Lagging_Current_Reactive_Power_kVarh,Leading_Current_Reactive_Power_kVarh,CO2(tCO2),Lagging_Current_Power_Factor,Leading_Current_Power_Factor,NSM,WeekStatus,Day_of_week,Load_Type";
  const weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
  const lines = Array.from({ length: days * 96 }, (_, i) => {
    const day = Math.floor(i / 96);
    const minute = ((i % 96) + 1) * 15;
    const clock = `${String(Math.floor(minute / 60) % 24).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
    const values = [3 + random.float(), 3, 0, 0, 73.21, 100].map((value) => value.toFixed(2));
    return `${String(day + 1).padStart(2, "0")}/01/2018 ${clock},${values.join(",")},${(minute * 60) % 86_400},${day % 7 < 5 ? "Weekday" : "Weekend"},${weekdays[day % 7]},Light_Load`;
  });
  await write(root, "steel-industry-energy/Steel_industry_data.csv", `${header}\r\n${lines.join("\r\n")}\r\n`);
}

/** All of them under one root. */
export async function tinySets(root: string): Promise<void> {
  for (const set of ["FD001", "FD002", "FD003", "FD004"]) await tinyCmapss(root, set);
  await tinyAzure(root);
  await tinyAi4i(root);
  await tinySkab(root);
  await tinySecom(root);
  await tinySteelPlates(root);
  await tinyNeu(root);
  await tinyHydraulic(root);
  await tinyCcpp(root);
  await tinySteelEnergy(root);
}
