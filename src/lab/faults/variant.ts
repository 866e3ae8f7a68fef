/**
 * Where a test may put a planted bug: around the ports of a program, never inside it. A world without a variant runs the programs as they are.
 */
import type { DriverBlobs } from "../../coordinator/driver.js";
import type { Clock } from "../../core/ports.js";
import type { RecordStore } from "../../core/record.js";
import type { Keep } from "../../edge/keep.js";
import type { Link } from "../../edge/link.js";
import type { Journal } from "../../io/store/journal.js";
import type { Node } from "../../round/node.js";
import type { DiskLies } from "./disk.js";

export interface Variant {
  readonly coordinatorDisk?: DiskLies;
  readonly plantDisk?: DiskLies;
  readonly record?: (record: RecordStore) => RecordStore;
  /** The blobs of a coordinator: what its driver and its exchange keep. */
  readonly blobs?: <B extends DriverBlobs>(blobs: B) => B;
  readonly node?: (node: Node, name: string) => Node;
  /** The clock that a driver is given. */
  readonly driverClock?: (clock: Clock) => Clock;
  readonly journal?: (journal: Journal) => Journal;
  readonly keep?: (keep: Keep) => Keep;
  readonly link?: (link: Link) => Link;
}
