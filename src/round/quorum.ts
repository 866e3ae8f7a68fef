/** `quorum:` of a federation file, and of a tier: with how many answers a round closes. */
import { z } from "zod";

const probability = z.number().min(0).max(1);

/** Fewer than all sites may be enough for a round: goal closes it, minimum lets it close at the deadline. Fractions of the sites. */
export const quorumSchema = z.strictObject({
  goal: probability.default(1).describe("fraction of sites whose updates close a round at once"),
  minimum: probability.default(0.5).describe("fraction of sites without which the round is abandoned at its deadline"),
  deadline: z.string().default("10min").describe("how long a round may take"),
  attempts: z.int().min(1).max(100).default(3).describe("attempts of a round before the run fails"),
});
