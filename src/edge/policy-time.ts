/**
 * Times in a plant's policy. Everything is UTC: a day has 24 hours in every season, so no window is skipped or passed twice when clocks
 * are put forward or back. A plant that thinks in local time writes its windows in UTC and widens them by the hour of summer time.
 */
import { z } from "zod";
import { parseInstant } from "../data/instant.js";

export const day = 86_400_000;
const minute = 60_000;

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof weekdays)[number];

/** "22:00-06:00": from the first minute up to, not including, the last one; a window whose end is not later runs over midnight. */
export const windowSchema = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a window of the day in UTC, such as "22:00-06:00"')
  .refine((text) => text.slice(0, 5) !== text.slice(6), 'two different times; "00:00-24:00" is the whole day');

/** "2027-01-31" (its first moment) or "2027-01-31T06:00Z"; only UTC. */
export const instantSchema = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z)?$/, 'a date or a moment in UTC, such as "2027-01-31" or "2027-01-31T06:00Z"')
  .refine(isInstant, "a day and time that exist");

/** Number of the UTC day since 1970. */
export const dayOf = (time: number): number => Math.floor(time / day);

/** 1 January 1970 was a Thursday. */
export const weekdayOf = (time: number): Weekday => weekdays[(((dayOf(time) + 3) % 7) + 7) % 7];

/** Milliseconds since midnight UTC. */
const timeOfDay = (time: number): number => time - dayOf(time) * day;

function bordersOf(window: string): readonly [number, number] {
  const at = (text: string): number => (Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5))) * minute;
  return [at(window.slice(0, 5)), at(window.slice(6))];
}

/** Whether a moment lies in one of the windows. */
export function inWindows(time: number, windows: readonly string[]): boolean {
  const at = timeOfDay(time);
  return windows.some((window) => {
    const [from, to] = bordersOf(window);
    return from < to ? at >= from && at < to : at >= from || at < to;
  });
}

/** The next moment after this one at which a window begins or ends. */
export function nextBorder(time: number, windows: readonly string[]): number {
  const at = timeOfDay(time);
  const ahead = windows.flatMap((window) => bordersOf(window).map((border) => (border > at ? border - at : border - at + day)));
  return time + Math.min(...ahead);
}

export const nextMidnight = (time: number): number => (dayOf(time) + 1) * day;

/** Milliseconds since 1970 of an instant that the schema has accepted. Errors: FILE_INVALID. */
export const instantOf = (text: string): number => parseInstant(text, "dateTime");

function isInstant(text: string): boolean {
  try {
    parseInstant(text, "dateTime");
    return true;
  } catch {
    return false;
  }
}

/** A moment as people write it: "2027-01-31T06:00Z". */
export const instantText = (time: number): string => new Date(time).toISOString().replace(/(:00)?\.000Z$/, "Z");
