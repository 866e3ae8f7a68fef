/** What every store of the coordinator's record promises: the same tests over each of them. */
import { afterEach, expect } from "vitest";
import type { RecordLimits, RecordStore } from "../../../src/core/record.js";
import { membersContract } from "./contract-members.js";
import { registryContract } from "./contract-registry.js";
import { runsContract } from "./contract-runs.js";

export interface Place {
  /** Opens the same record again, as another program would. */
  readonly open: (limits?: Partial<RecordLimits>) => Promise<RecordStore>;
  readonly destroy?: () => Promise<void>;
}

/** A new record, and a way to open it once more. */
export type Fresh = (
  limits?: Partial<RecordLimits>,
) => Promise<{ readonly store: RecordStore; readonly again: () => Promise<RecordStore> }>;

export const code = (expected: string): unknown => expect.objectContaining({ code: expected });

export function recordContract(kind: string, place: () => Promise<Place>): void {
  const opened: { readonly place: Place; readonly stores: RecordStore[] }[] = [];

  /** A new record and a way to open it once more. */
  async function fresh(
    limits?: Partial<RecordLimits>,
  ): Promise<{ readonly store: RecordStore; readonly again: () => Promise<RecordStore> }> {
    const here = await place();
    const held = { place: here, stores: [] as RecordStore[] };
    opened.push(held);
    const again = async () => {
      const store = await here.open(limits);
      held.stores.push(store);
      return store;
    };
    return { store: await again(), again };
  }

  afterEach(async () => {
    for (const { place: here, stores } of opened.splice(0)) {
      for (const store of stores) await store.close();
      await here.destroy?.();
    }
  });

  runsContract(kind, fresh);
  membersContract(kind, fresh);
  registryContract(kind, fresh);
}
