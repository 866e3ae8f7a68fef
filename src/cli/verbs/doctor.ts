/** `millwright doctor` of a full installation, which can also look at a coordinator's folder and at a whole deployment. */
import { doctor } from "../preflight/verb.js";
import type { Verb } from "../program.js";

export const doctorVerb: Verb = doctor({
  coordinator: async (context, data) => (await import("../preflight/coordinator.js")).examineCoordinator(context, data),
  zones: async (context, file, sites, json) => (await import("../zones-of-file.js")).showZones(context, file, sites, json),
});
