/**
 * Every constant of the simulated fleet, with its source.
 *
 * The fleet imitates the public "Azure predictive maintenance" data (100 machines, 2015; itself simulated by Microsoft).
 * The figures were measured on its files (errors, failures, maintenance and machines complete; sensors for machines 1-20,
 * 90 days) with `scripts/measure-azure.mjs`; the statistics that script prints are kept in test/vectors/azure/statistics.json
 * and a test holds the generated fleet against them. They were fixed before any model was trained on the fleet and are not
 * tuned to one. What is free is size (machines, days, sites) and the preset `hard`, which is invented and says so.
 */

export const sensors = ["volt", "rotate", "pressure", "vibration"] as const;
export const components = ["comp1", "comp2", "comp3", "comp4"] as const;
export const errorTypes = ["error1", "error2", "error3", "error4", "error5"] as const;
export const models = ["model1", "model2", "model3", "model4"] as const;

/** Sensor readings away from any pattern: uncorrelated in time and between sensors, normal (skew < 0.03, excess kurtosis < 0.03). */
export const sensorMean = [170, 450, 100, 40] as const; // measured 170.04, 450.40, 99.94, 40.03
export const sensorSd = [15, 50, 10, 5] as const; // measured 15.03, 50.09, 9.91, 4.995

/** Shift of the sensor that belongs to a component while its pattern lasts. Measured: 20.5, -79.6, 25.3, 10.4. */
export const patternShift = [20, -80, 25, 10] as const;
/** Hours a pattern lasts before the failure; the hour of the failure still shows it. Measured: 49 rows in all four sensors. */
export const patternHours = 48;
/**
 * Patterns of the same size and length that no failure follows, per machine-year and sensor; they begin at any hour.
 * Measured on 20 machines x 90 days: 31, 35, 16 and 18 of them (true ones in the same data: 10, 14, 6, 8).
 */
export const falsePatternsPerYear = [6.29, 7.1, 3.24, 3.65] as const;

/** Error records that announce a failure of comp1..comp4, exactly 24 h before it. */
export const announcing: readonly (readonly number[])[] = [[0], [1, 2], [3], [4]];
export const announceHours = 24;
/** Failures without an announcing error record: 18 of 761. All 18 lie on 2 January, where the log may have begun too late to hold it. */
export const unannouncedShare = 18 / 761;
/** Errors that announce nothing, per machine-year and type: 827, 732, 582, 599, 180 on 100 machines in 365 days; at any hour. */
export const randomErrorsPerYear = [8.27, 7.32, 5.82, 5.99, 1.8] as const;

/** Every machine is visited every 15 days at 06:00, on a day of its own; 743 of 743 later failures fall on a visit. The log begins at 06:00. */
export const visitDays = 15;
/** A component can fail at a visit once it has run this many days since it was last replaced (shortest seen: 41, 30, 44, 45). */
export const wearDays = [45, 30, 45, 45] as const;
/**
 * Probability that a worn component fails at a visit. Set so that the failures per machine-year are those of the data: 1.92, 2.59, 3.97
 * (model1 and model2) and 3.65 (14 years and more). Counted directly they are lower (176/1231, 244/1620, 124/418, 171/631 worn visits),
 * but parts are worn more often in the data than replacement at random makes them.
 */
export const failureProbability = [0.168, 0.156, 0.43, 0.37] as const;
/** Failures per machine-year among the machines on which the component can fail (see comp3Models and comp4Age). */
export const failuresPerMachineYear = [1.92, 2.59, 3.97, 3.65] as const;
/** comp3 fails on model1 and model2 only (131 failures; model3 and model4: none in 67 machine-years). */
export const comp3Models: readonly number[] = [0, 1];
/** comp4 fails on machines of 14 years and more only (179 failures; younger: none in 51 machine-years). */
export const comp4Age = 14;
/**
 * At most two components fail at a visit (658 single, 41 double, none triple). Independent draws would give 67 doubles and some triples;
 * a second failure is therefore kept with this probability.
 */
export const failuresPerVisit = 2;
export const secondFailureKept = 0.5;
/** Components replaced at a visit though they did not fail: shares of 0, 1, 2 at visits without failure (281, 1050, 401) and with one (382, 276, 0). */
export const replacedShares = [
  [0.162, 0.606, 0.232],
  [0.581, 0.419, 0],
] as const;

/** A worn part is replaced ahead of failure less often than a fresh one: 0.212 against 0.345 per visit without failure. */
export const wornReplacedWeight = 0.212 / 0.345;
/**
 * Plants have habits: how often a part of a machine is replaced ahead of failure varies between machines beyond chance (variance of the
 * yearly count 7.6, binomial 3.9: coefficient of variation 0.37). Each part of each machine has a weight
 * drawn from this range, which reproduces the variance with the other constants.
 */
export const replacedHabit = [0.5, 1.5] as const;

/** Machines per model among 100, and how their ages fall into the bands 0-4, 5-9, 10-12 and 14-20 years (no machine is 13). */
export const modelShare = [16, 17, 35, 32] as const;
export const ageBands = [
  [0, 4],
  [5, 9],
  [10, 12],
  [14, 20],
] as const;
export const ageShare = [
  [2, 2, 2, 10],
  [2, 2, 4, 9],
  [4, 9, 3, 19],
  [9, 7, 5, 11],
] as const;

/**
 * Sites are invented (the Azure data has none): machines are ordered by model number plus normal noise of this size, and cut into
 * equal sites. A site so has mostly one or two models, and comp3 fails at few sites.
 */
export const modelMixing = 0.6;

/**
 * Preset `hard`, invented: parts wear five times as fast, so that a site has plenty of failures of its own; sites take turns in two
 * regimes, in which the sensors move in opposite directions before a failure; and at both kinds of site the movement that means
 * failure elsewhere happens as often, with the same error records, and means nothing. No model without knowledge of the site can
 * tell them apart.
 */
export const hardSpeed = 5;
