/** Every limit of the server, with what it is by default. Times are milliseconds, sizes bytes, rates per second. */

export interface ServerLimits {
  /** Sockets at once; the next one is closed before its handshake. */
  readonly connections: number;
  /** Requests at once on one socket: more is a client that pipelines without end. */
  readonly perConnection: number;
  /** Requests at once of one member, long polls too. */
  readonly perMember: number;
  /** Requests per second of one member, and how many at once after a rest. */
  readonly memberRate: number;
  readonly memberBurst: number;
  /** The same for one address as long as no certificate says who it is: enrolment, health, signed requests. */
  readonly strangerRate: number;
  readonly strangerBurst: number;
  /** Members and addresses whose rates are remembered. */
  readonly remembered: number;
  /** All JSON and bytes bodies that are held at once. */
  readonly bodyMemory: number;
  readonly headerBytes: number;
  readonly headers: number;
  readonly target: number;
  readonly queryFields: number;
  readonly handshakeTime: number;
  /** From the first byte of a connection or of a request on it to the end of its headers. */
  readonly headerTime: number;
  /** How often the header time is looked at. */
  readonly sweepTime: number;
  /** Longest silence within a body, which as a whole may take this long plus its bytes at `bodyRate`. */
  readonly bodyTime: number;
  readonly bodyRate: number;
  /** A socket without a request is closed after this. */
  readonly idleTime: number;
  /** A client that does not take its answer for this long is cut off. */
  readonly drainTime: number;
  /** How long a TLS session can be taken up again, in seconds. */
  readonly sessionTime: number;
}

export const serverLimits: ServerLimits = {
  connections: 10_000,
  perConnection: 4,
  perMember: 8,
  memberRate: 50,
  memberBurst: 200,
  strangerRate: 50,
  strangerBurst: 200,
  remembered: 20_000,
  bodyMemory: 268_435_456,
  headerBytes: 16_384,
  headers: 64,
  target: 2048,
  queryFields: 16,
  handshakeTime: 20_000,
  headerTime: 15_000,
  sweepTime: 5_000,
  bodyTime: 15_000,
  bodyRate: 1024,
  idleTime: 75_000,
  drainTime: 60_000,
  sessionTime: 3600,
};
