/**
 * Offsets of local time from UTC: "UTC", a fixed offset such as "+02:00", or an IANA zone such as "Europe/Berlin" (from
 * the zone data of the running Node).
 *
 * A local time that the clocks skip in spring has no offset (NaN), and the reader refuses the cell. Of the hour that
 * comes twice in autumn the first is taken: a text without a zone does not say which it was.
 */
import { fail } from "../../core/errors.js";
import type { ZoneOffset } from "../../data/schema-time.js";

const quarter = 900_000;

/** The offset function of a zone. Errors: FILE_INVALID for a name that is no zone. */
export function zoneOffset(name: string): ZoneOffset {
  if (name.toUpperCase() === "UTC" || name.toUpperCase() === "Z") return () => 0;
  const fixed = /^([+-])(\d{2}):?(\d{2})$/.exec(name);
  if (fixed !== null) {
    const offset = (fixed[1] === "-" ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * 60_000;
    return () => offset;
  }
  const format = formatOf(name);
  const held = new Map<number, number>();
  return (local) => {
    // Clocks change on quarters of an hour at the finest, so one look-up serves every reading of a quarter.
    const key = Math.floor(local / quarter);
    let offset = held.get(key);
    if (offset === undefined) {
      offset = localOffset(format, key * quarter);
      if (held.size > 1_000_000) held.clear();
      held.set(key, offset);
    }
    return offset;
  };
}

function formatOf(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (cause) {
    fail("FILE_INVALID", {
      where: "data.timezone",
      expected: '"UTC", an offset such as "+02:00", or a zone such as "Europe/Berlin"',
      got: JSON.stringify(name),
      cause,
    });
  }
}

/** The offset under which a local time exists: the larger one first, which is the earlier moment of an hour that comes twice. */
function localOffset(format: Intl.DateTimeFormat, local: number): number {
  const day = 86_400_000;
  const candidates = [offsetAt(format, local - day), offsetAt(format, local + day)].sort((a, b) => b - a);
  return candidates.find((offset) => offsetAt(format, local - offset) === offset) ?? Number.NaN;
}

function offsetAt(format: Intl.DateTimeFormat, moment: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(moment)) part[type] = Number(value);
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - moment;
}
