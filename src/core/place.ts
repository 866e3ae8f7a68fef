/** Faults of a part say what is wrong with it; whoever called the part knows where it came from. */
import { MillwrightError } from "./errors.js";

/** Runs `work`; a coded error of its is thrown again with `where` (a path, a sender) before the place each fault names itself. */
export function placed<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof MillwrightError)) throw error;
    const faults = error.faults.map((fault) => ({ ...fault, where: fault.where === undefined ? where : `${where}, ${fault.where}` }));
    throw new MillwrightError(error.code, { ...faults[0], cause: error }, faults);
  }
}
