/** A site's machines as frames with their windows placed and labelled; the one way both measuring and training take. */
import type { Frame } from "./frame.js";
import { buildFrame, machineRuns } from "./frame.js";
import type { SitePart } from "./partition/partition.js";
import { type DataPlan, resolvePlan } from "./plan.js";
import { train } from "./split.js";
import { columnAnswers, eventTimes, type LabelledWindows, labelWindows, placeWindows } from "./windows.js";

export interface WindowedFrame {
  readonly frame: Frame;
  readonly labelled: LabelledWindows;
}

/**
 * Frames with raw channels and labelled windows, machine by machine. `wanted` limits the windows to some labels of the split and the
 * frames to machines that have such windows. Errors: FILE_INVALID, DATA_INVALID, DATA_MISSING.
 */
export function windowed(part: SitePart, plan: DataPlan, wanted?: readonly number[]): WindowedFrame[] {
  const { dataset, rows, split, anchors } = part;
  const { task, history } = resolvePlan(plan, dataset);
  const answers = columnAnswers(dataset, task);
  const events = eventTimes(dataset, task, answers);
  return machineRuns(dataset, rows).flatMap((run) => {
    const frame = buildFrame(dataset, rows, run, task, part.skew);
    const windows = placeWindows(frame, task.stride, history.needed, task.last);
    const labelled = labelWindows(frame, windows, { task, history, split, events, answers, anchors, wanted });
    if (wanted !== undefined && labelled.lasts.length === 0) return [];
    frame.lasts = labelled.lasts;
    frame.trains = Uint8Array.from(labelled.split, (label) => (label === train ? 1 : 0));
    return [{ frame, labelled }];
  });
}

export function siteFrames(part: SitePart, plan: DataPlan): Frame[] {
  return windowed(part, plan).map(({ frame }) => frame);
}
