/** How simulated sites come to their data, as written under `sites:` in a federation file. */
import { z } from "zod";

const count = z.int().min(1).max(100_000);
const alpha = z.number().min(0.001).max(1_000_000);

/** Schema (zod) of `sites:` in a federation file: how simulated sites come to their data. */
export const partitionSchema = z.discriminatedUnion("use", [
  /** One site per label of a category column (machines go whole where the label is theirs). */
  z.strictObject({ use: z.literal("by"), column: z.string() }),
  /** Machines (or rows that stand alone) shuffled by seed and dealt in equal numbers. */
  z.strictObject({ use: z.literal("iid"), count, stratify: z.boolean().optional() }),
  /** Label skew: of each class, sites get shares drawn from Dirichlet(alpha) (Hsu et al. 2019). Small alpha: few classes per site. */
  z.strictObject({ use: z.literal("dirichlet"), count, alpha, minimum: z.int().min(1).optional() }),
  /** Quantity skew: the sizes of sites are drawn from Dirichlet(alpha). */
  z.strictObject({ use: z.literal("quantity"), count, alpha, minimum: z.int().min(1).optional() }),
  /** Sorted by label, cut into count * perSite shards, dealt at random (McMahan et al. 2017). */
  z.strictObject({ use: z.literal("shards"), count, perSite: z.int().min(1).max(1000).optional() }),
  /** IID machines whose sensors differ by site: gain ~ 1 + N(0, gain), offset ~ N(0, offset) sd of the column, added noise in sd. */
  z.strictObject({
    use: z.literal("sensors"),
    count,
    gain: z.number().min(0).max(10).optional(),
    offset: z.number().min(0).max(100).optional(),
    noise: z.number().min(0).max(100).optional(),
  }),
  /** Each site sees a stretch of time (blocks) or every count-th day (days). Sites may read the past before their stretch. */
  z.strictObject({ use: z.literal("time"), count, how: z.enum(["blocks", "days"]).optional() }),
]);

/** `sites:` of a federation file, as read. */
export type PartitionSpec = z.infer<typeof partitionSchema>;
