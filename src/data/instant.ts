/** Moments as written in a federation file, without the clock or the time zone of the machine that reads it. */
import { fail } from "../core/errors.js";

/** Milliseconds since 1970 of "2015-03-01", "2015-03-01T06:00" or "2015-03-01 06:00:30Z"; without Z it is taken as the data's own clock. Errors: FILE_INVALID. */
export function parseInstant(text: string, where: string): number {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,3})?)?Z?)?$/.exec(text.trim());
  if (match !== null) {
    const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
    if (month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month) && hour < 24 && minute < 60 && second < 60) {
      const fraction = match[7] === undefined ? 0 : Math.round(Number(match[7]) * 1000);
      return ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + fraction;
    }
  }
  fail("FILE_INVALID", { where, expected: 'a date such as "2015-03-01" or "2015-03-01T06:00"', got: JSON.stringify(text) });
}

/** Days from 1970-01-01 in the Gregorian calendar (days_from_civil, H. Hinnant). */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
