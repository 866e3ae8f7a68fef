/**
 * What a program answers over the network, as data: a table of routes with who may call each, how large a body may be, and a handler.
 * The table is the whole surface: what is not in it does not exist, and a role that a route does not name is refused. Nothing here
 * knows a socket, so the same handlers answer over HTTPS and inside the fault simulator.
 */

/** What a member may be. Deny by default: a route names the roles it answers. */
export const roles = ["admin", "operator", "scientist", "auditor", "aggregator", "site", "witness"] as const;
export type Role = (typeof roles)[number];

/** Who calls: from the certificate or the signature of the request and the member table, never from a body. */
export interface Caller {
  readonly name: string;
  readonly org: string;
  readonly role: Role;
  /** Serial number of the certificate that was shown or that signed, lower-case hex. */
  readonly serial: string;
  readonly by: "certificate" | "signature";
}

/** What a route reads: nothing, one JSON value, a piece of bytes in memory, or a stream that the handler consumes. */
export interface BodySpec {
  readonly kind: "none" | "json" | "bytes" | "stream";
  /** Largest body in bytes after decompression; 0 for "none". A JSON or bytes body is held in memory whole. */
  readonly limit: number;
  /** Compressed bodies that are accepted; none unless named. */
  readonly encodings?: readonly ("gzip" | "br")[];
}

export interface Call {
  /** Absent only where the route's `auth` is "none". */
  readonly caller?: Caller;
  /** The parts of the path that the pattern names, as they came: a handler checks them before use. */
  readonly params: Readonly<Record<string, string>>;
  /** Each name at most once: a query that repeats one is refused. */
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** "json": the value. Objects in it have no prototype and no "__proto__", "constructor" or "prototype" keys. */
  readonly json?: unknown;
  /** "bytes". */
  readonly bytes?: Uint8Array;
  /** "stream": at most `limit` bytes; ends with an error where the client stopped short or the signed digest differs. */
  readonly stream?: AsyncIterable<Uint8Array>;
  /** Length of the body where the client declared one. */
  readonly length?: number;
  /** Aborted when the client goes away, is revoked, or the server closes. */
  readonly signal: AbortSignal;
  /** The address of the other end, for the log; proxies make it mean little. */
  readonly address: string;
  /** True where the other end is this machine. */
  readonly local: boolean;
}

export interface Reply {
  readonly status: number;
  /** An object is given `retryAfterMs` on its way out. */
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  /** Read no faster than the client takes it, never held whole; ended early where the client goes away. */
  readonly stream?: { readonly size: number; readonly chunks: AsyncIterable<Uint8Array> };
  readonly headers?: Readonly<Record<string, string>>;
  /** When the client shall come again; without it the server's pace. */
  readonly retryAfterMs?: number;
}

export interface Route {
  /** For metrics, the log and the table of permissions; unique. */
  readonly name: string;
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** "/v1/blobs/:sha256": a part that begins with ":" matches one non-empty part. */
  readonly path: string;
  /** "none" is for what must work before there is an identity: health, enrolment. */
  readonly auth: "none" | "member";
  /** Who may call. Must be empty where auth is "none", must not be where it is "member". */
  readonly roles: readonly Role[];
  readonly body: BodySpec;
  /** "bulk" waits for the bandwidth share; "control" never does. Without it "control". */
  readonly traffic?: "control" | "bulk";
  /** Throws a MillwrightError to refuse; anything else that is thrown is answered as INTERNAL and told to the log only. */
  readonly handle: (call: Call) => Promise<Reply>;
}

/** Every refusal over the wire. */
export interface ErrorBody {
  readonly code: string;
  readonly where?: string;
  readonly expected: string;
  readonly got: string;
  readonly remedy?: string;
  readonly retryAfterMs: number;
}

/** What the transport knows of the other end's certificate; whether the member table knows it is for `authenticate` to say. */
export interface PeerCertificate {
  /** Lower-case hex, no leading zeros. */
  readonly serial: string;
  /** DER, for whoever parses identities. */
  readonly der: Uint8Array;
}

/** What a request proves about who sent it, before its body is read. */
export interface Evidence {
  /** Only a certificate whose chain and dates hold against the federation's CA. */
  readonly certificate?: PeerCertificate;
  /** Why a certificate that was shown does not count, for the refusal: "CERT_HAS_EXPIRED". */
  readonly problem?: string;
  readonly method: string;
  /** Path and query exactly as they came. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Says who calls, or throws an AUTH_ error. `bodySha256` (hex) is what a signature claims the body to be: the transport holds the body to it. */
export type Authenticate = (evidence: Evidence) => Promise<{ readonly caller: Caller; readonly bodySha256?: string }>;

/** What a client needs to sign a request where a proxy breaks mutual TLS. */
export type RequestSigner = (request: {
  readonly method: string;
  readonly target: string;
  /** SHA-256 of the body, hex; of no bytes where there is none. */
  readonly bodySha256: string;
}) => Promise<Readonly<Record<string, string>>>;
