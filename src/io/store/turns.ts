/** One after the other: what runs in turns never overlaps, in the order of the calls. An error of one is its caller's and stops nobody else. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

export function turns(): Turns {
  let before: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = before.then(work, work);
    before = mine.catch(() => undefined);
    return mine;
  };
}

/** Turns per name; a name nobody waits for is forgotten. */
export function turnsByName(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const waiting = new Map<string, { run: Turns; users: number }>();
  return async (name, work) => {
    let entry = waiting.get(name);
    if (entry === undefined) {
      entry = { run: turns(), users: 0 };
      waiting.set(name, entry);
    }
    entry.users++;
    try {
      return await entry.run(work);
    } finally {
      entry.users--;
      if (entry.users === 0) waiting.delete(name);
    }
  };
}
