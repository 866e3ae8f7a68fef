/**
 * The whole surface of a coordinator: every address that it answers, who may call it, and how large a body may be. What is not in this
 * table does not exist. The program serves it, the tests try every cell of it over the wire, and the documentation prints it.
 */
import type { BlobStore } from "../core/blobs.js";
import type { Route } from "../core/route.js";
import { type BlobRouteOptions, blobRoutes } from "../io/transport/blob-routes.js";
import { matrixOf } from "../io/transport/router.js";
import { membershipRoutes } from "./membership-routes.js";
import { type ReleaseRouteParts, releaseRoutes } from "./release-routes.js";
import { rolesFor } from "./roles.js";
import { memberRoutes, type RouteParts } from "./routes.js";

export interface RouteTableParts {
  readonly rounds: RouteParts;
  readonly releases: ReleaseRouteParts;
  readonly membership: Parameters<typeof membershipRoutes>[0];
  /** Blobs as the network sees them, with the frames of open tasks among them. */
  readonly blobs: BlobStore;
  readonly may: BlobRouteOptions["may"];
}

/** Every route of a coordinator. */
export function coordinatorRoutes({ rounds, releases, membership, blobs, may }: RouteTableParts): readonly Route[] {
  return [
    ...memberRoutes(rounds),
    ...releaseRoutes(releases),
    ...membershipRoutes(membership),
    ...blobRoutes(blobs, { may, readers: rolesFor("round.take-part"), writers: rolesFor("round.take-part") }),
  ];
}

/** Who may call what, without a coordinator that runs: for documents. The parts are never touched, because no handler is called. */
export function routeTable(): ReturnType<typeof matrixOf> {
  const nothing = {} as never;
  return matrixOf(coordinatorRoutes({ rounds: nothing, releases: nothing, membership: nothing, blobs: nothing, may: () => false }));
}
