/**
 * Who is at the other end of a socket, as far as TLS says: the certificate that was shown, once per socket, and whether it holds now. A
 * resumed session repeats the verdict of its first handshake and no dates, so the dates are looked at with every request.
 */
import type { TLSSocket } from "node:tls";
import type { Millis } from "../../core/quantities.js";
import type { PeerCertificate } from "../../core/route.js";

interface Shown extends PeerCertificate {
  readonly from: number;
  readonly to: number;
}

const known = new WeakMap<TLSSocket, Shown>();

/** The certificate where it holds at `now`, or why it does not; nothing of both where none was shown. */
export function peerOf(socket: TLSSocket, now: Millis): { readonly certificate?: PeerCertificate; readonly problem?: string } {
  if (!socket.authorized) {
    // With no certificate at all OpenSSL reports UNABLE_TO_GET_ISSUER_CERT; an expired one and one of another CA have names of their own.
    if (Object.keys(socket.getPeerCertificate()).length === 0) return {};
    return { problem: String(socket.authorizationError ?? "not verified") };
  }
  const shown = known.get(socket) ?? look(socket);
  if (shown === undefined) return {};
  if (now < shown.from) return { problem: "CERT_NOT_YET_VALID" };
  if (now > shown.to) return { problem: "CERT_HAS_EXPIRED" };
  return { certificate: shown };
}

function look(socket: TLSSocket): Shown | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const shown = {
    serial: certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, ""),
    der: new Uint8Array(certificate.raw),
    from: Date.parse(certificate.validFrom),
    to: Date.parse(certificate.validTo),
  };
  known.set(socket, shown);
  return shown;
}
