/** The route table: checked before anything listens, matched by whole parts of a path, and read by the tests as a matrix of roles. */
import { fail } from "../../core/errors.js";
import { type Role, type Route, roles } from "../../core/route.js";

export interface Matched {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export type Router = (method: string, path: string) => Matched | undefined;

/** Parts of a path as they may come: nothing that anybody could decode, and never "." or "..". */
const plainPart = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}$/;

/** Errors: PLAN_REFUSED where a route is ambiguous or lacks what it must say. */
export function router(routes: readonly Route[]): Router {
  const faults = routeFaults(routes);
  if (faults.length > 0)
    fail("PLAN_REFUSED", { where: "route table", expected: "routes that say who may call them", got: faults.join("; ") });
  const table = routes.map((route) => ({ route, parts: route.path.split("/").slice(1) }));
  return (method, path) => {
    if (!path.startsWith("/")) return undefined;
    const parts = path.split("/").slice(1);
    if (parts.length > 8 || !parts.every((part) => plainPart.test(part))) return undefined;
    for (const { route, parts: pattern } of table) {
      if (route.method !== method || pattern.length !== parts.length) continue;
      if (!pattern.every((part, i) => part.startsWith(":") || part === parts[i])) continue;
      const params: Record<string, string> = Object.create(null);
      pattern.forEach((part, i) => {
        if (part.startsWith(":")) params[part.slice(1)] = parts[i] as string;
      });
      return { route, params };
    }
    return undefined;
  };
}

/** What is wrong with a table, in words; nothing where it is sound. */
export function routeFaults(routes: readonly Route[]): readonly string[] {
  const faults: string[] = [];
  const names = new Set<string>();
  const shapes = new Map<string, string>();
  for (const { name, method, path, auth, roles: allowed, body } of routes) {
    const say = (what: string): number => faults.push(`${name}: ${what}`);
    if (names.has(name)) say("the name is taken");
    names.add(name);
    if (!/^(\/(:[a-z][A-Za-z0-9]*|[a-z0-9._-]+))+$/.test(path)) say(`the path ${path} is not one of plain parts`);
    // Two patterns of one shape would make the first win by its place in the table.
    const shape = `${method} ${path.replaceAll(/:[A-Za-z0-9]+/g, ":")}`;
    if (shapes.has(shape)) say(`the same requests as ${shapes.get(shape)}`);
    shapes.set(shape, name);
    if (auth === "member" && allowed.length === 0) say("no role may call it");
    if (auth === "none" && allowed.length > 0) say("roles without authentication");
    if (allowed.some((role) => !roles.includes(role))) say("a role that does not exist");
    if (body.kind === "none" ? body.limit !== 0 : !(Number.isSafeInteger(body.limit) && body.limit > 0)) say("the body's limit");
    if ((method === "GET" || method === "HEAD") && body.kind !== "none") say(`a ${method} with a body`);
    if (body.kind === "stream" && (body.encodings ?? []).length > 0) say("a compressed stream");
  }
  return faults;
}

/** Who may call what: one row per route, one column per role; "public" where nobody is asked who he is. */
export function matrixOf(routes: readonly Route[]): readonly {
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly may: Readonly<Record<Role, boolean>> | "public";
}[] {
  return routes.map(({ name, method, path, auth, roles: allowed }) => ({
    route: name,
    method,
    path,
    may: auth === "none" ? "public" : (Object.fromEntries(roles.map((role) => [role, allowed.includes(role)])) as Record<Role, boolean>),
  }));
}
