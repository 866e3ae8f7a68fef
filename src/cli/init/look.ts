/** A look at a table for `init`: the schema of its first rows, held against all the others as far as the limit goes. */
import { type FlagGroup, flagGroups, foldFlags } from "../../data/flag-groups.js";
import { type InferredSchema, inferSchema, type Sample } from "../../data/infer.js";
import type { Survey } from "../../data/survey.js";
import { count, plain } from "../show/text.js";
import { guessRoles } from "./guess.js";
import { keysOf, type RoleFlags, withDates } from "./roles.js";

export interface Look {
  readonly sample: Sample;
  readonly schema: InferredSchema;
  readonly survey: Survey;
  /** Whether every row was looked at. */
  readonly all: boolean;
  /** The flags that are proposed as one class, and the schema in which they are one column. */
  readonly folded?: { readonly group: FlagGroup; readonly schema: InferredSchema };
}

/** Errors: those of reading the table; USAGE for flags that name no column; DATA_INVALID for dates with two readings. */
export async function lookAt(path: string, flags: RoleFlags): Promise<Look> {
  const { sampleOfTable, surveyTable } = await import("../../io/source/table.js");
  const sample = await sampleOfTable(path);
  const sampled = withDates(inferSchema(sample), flags.dates);
  const groups = flagGroups(sample, sampled);
  const { machine, time } = keysOf(sampled, flags);
  const { all, ...survey } = await surveyTable(path, sampled, { machine: machine?.name, time: time?.name, groups });
  const { schema } = survey;
  const group = proposedGroup(survey, flags);
  return { sample, schema, survey, all, ...(group !== undefined && { folded: { group, schema: foldFlags(schema, group) } }) };
}

/** The group that the target asked for names, or else the one that the guessed target is a part of. */
function proposedGroup({ schema, groups }: Survey, { target, events }: RoleFlags & { readonly events?: string }): FlagGroup | undefined {
  if (target !== undefined) return groups.find((group) => group.name === target);
  if (events !== undefined) return undefined;
  const guess = guessRoles(schema).target;
  return groups.find((group) => group.columns.includes(guess ?? ""));
}

/** Names that are listed in a sentence. */
const listed = 12;

/** What is worth knowing of the rows, a sentence each. */
export function notesOf({ survey, folded }: Look, target: string | undefined): string[] {
  const { backwards, repeats, strays, rates, labels, schema } = survey;
  const notes = strays.map(
    ({ name, kind, stray }) =>
      `Column ${plain(name)}: row ${count((stray?.row ?? 0) + 1)} holds ${plain(JSON.stringify(stray?.text ?? ""))}, which is no ${kind}.`,
  );
  if (backwards > 0) notes.push(`${count(backwards)} rows are earlier than the row above them: they are sorted when the table is read.`);
  if (repeats > 0) notes.push(`${count(repeats)} rows have the same machine and time as the row above them.`);
  const rate = rates.get(target ?? "");
  const shares = target === undefined ? undefined : labels.get(target);
  if (folded !== undefined && target === folded.group.name) {
    const { columns } = folded.group;
    const names = columns.length > listed ? `${columns.slice(0, listed).join(", ")}, ...` : columns.join(", ");
    notes.push(`The ${columns.length} columns ${plain(names)} are one class: exactly one is 1 in every row.`);
  } else if (rate !== undefined) {
    notes.push(`${(100 * rate).toPrecision(3)} % of the answers in ${plain(target ?? "")} are yes.`);
  } else if (shares !== undefined && schema.columns.find((c) => c.name === target)?.kind === "category") {
    const [most, least] = [shares[0], shares[shares.length - 1]];
    notes.push(
      `The ${shares.length} labels of ${plain(target ?? "")} have from ${count(least[1])} rows (${plain(least[0])}) to ${count(most[1])} (${plain(most[0])}).`,
    );
  }
  return notes;
}
