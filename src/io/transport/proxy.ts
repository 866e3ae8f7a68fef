/**
 * Which proxy stands between: from the site's file, or from https_proxy and no_proxy as other programs read them (host names, ".suffix",
 * "host:port", "*"; address ranges are not read). Only CONNECT is used: a tunnel, in which TLS with the coordinator is our own.
 */
import { fail } from "../../core/errors.js";

export interface ProxyServer {
  readonly host: string;
  readonly port: number;
  /** TLS to the proxy itself, verified against the system's authorities. */
  readonly secure: boolean;
  /** "user:password", as the address had it. */
  readonly credentials?: string;
}

/** Errors: USAGE for an address that is none. */
export function parseProxy(text: string): ProxyServer {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    // Not repeated: it may hold a password.
    return fail("USAGE", { where: "proxy", expected: "an address like http://proxy.example:3128", got: "something else" });
  }
  const secure = url.protocol === "https:";
  const credentials = url.username === "" ? undefined : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    secure,
    ...(credentials !== undefined && { credentials }),
  };
}

/** The proxy for a server. `own` is the site's setting: an address, "none", or nothing, which means the environment. */
export function proxyFor(
  host: string,
  port: number,
  own: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ProxyServer | undefined {
  if (own === "none") return undefined;
  if (own !== undefined) return parseProxy(own);
  const text = env.https_proxy ?? env.HTTPS_PROXY;
  if (text === undefined || text === "") return undefined;
  return exempt(host, port, env.no_proxy ?? env.NO_PROXY ?? "") ? undefined : parseProxy(text);
}

function exempt(host: string, port: number, list: string): boolean {
  const name = host.toLowerCase();
  return list
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*" || entry === name || entry === `${name}:${port}`) return true;
      const suffix = entry.startsWith("*") ? entry.slice(1) : entry;
      return name.endsWith(suffix.startsWith(".") ? suffix : `.${suffix}`) || name === suffix.slice(1);
    });
}
