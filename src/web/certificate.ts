import { X509Certificate } from 'node:crypto';
import type { Certificate } from './parts.ts';

/** How long a certificate of the page's own making holds, in milliseconds, and how long before its end a new one is made. */
export const CERTIFICATE_MS = 5 * 365 * 24 * 60 * 60_000;
export const RENEW_MS = 30 * 24 * 60 * 60_000;

/** Makes a key and a certificate that it signs by itself, for those names and addresses. */
export async function makeCertificate(
  nickname: string,
  names: readonly string[],
  addresses: readonly string[],
  nowMs: number,
): Promise<Certificate> {
  // It is large, and needed once in a volcano's life.
  const { generate } = await import('selfsigned');
  const made = await generate([{ name: 'commonName', value: `magma ${nickname}` }], {
    ...{ keyType: 'ec', curve: 'P-256', algorithm: 'sha256' },
    // Clocks of browsers are not those of volcanos.
    notBeforeDate: new Date(nowMs - 24 * 60 * 60_000),
    notAfterDate: new Date(nowMs + CERTIFICATE_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          ...addresses.map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** By what people know a certificate, SHA-256; and whether it holds for a while. Throws for what is none. */
export function certificateFacts(
  cert: string | Buffer,
  nowMs: number,
): { readonly fingerprint: string; readonly holds: boolean } {
  const { fingerprint256, validToDate } = new X509Certificate(cert);
  return { fingerprint: fingerprint256, holds: validToDate.getTime() - nowMs > RENEW_MS };
}
