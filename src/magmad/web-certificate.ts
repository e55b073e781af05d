import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Logger } from '../base/logger.ts';
import { certificateFacts, makeCertificate } from '../web/certificate.ts';
import type { Certificate } from '../web/parts.ts';
import type { Config } from './config.ts';
import { readBytes } from './file.ts';
import { reachableAddresses } from './reachable.ts';
import { UsageError } from './usage.ts';

/** The page's key and certificate, in the data directory. */
export const CERTIFICATE_FILE = 'web.pem';

/** The certificate that was given. Throws `UsageError` when it cannot be used. */
function givenCertificate({ cert, key }: NonNullable<Config['webCert']>, origin: string): Certificate {
  const given = { cert: readBytes(cert, origin), key: readBytes(key, origin) };
  try {
    createSecureContext(given);
    return given;
  } catch (error) {
    throw new UsageError(
      `${origin}: ${cert} and ${key} are no certificate in PEM and its key: ${(error as Error).message}`,
    );
  }
}

function keptCertificate(path: string, nowMs: number): Certificate | null {
  try {
    const pem = readFileSync(path, 'latin1');
    const kept = { cert: pem, key: pem };
    createSecureContext(kept);
    return certificateFacts(pem, nowMs).holds ? kept : null;
  } catch {
    // A new one is made of what is not there, or broken: browsers ask again whether it is to be believed.
    return null;
  }
}

function keep(path: string, { cert, key }: Certificate): void {
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  const file = openSync(fresh, 'wx', 0o600);
  try {
    writeSync(file, `${key}\n${cert}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
}

/**
 * The certificate of the page: the one that was given, else the one in the data directory, which is made at the first start and when it runs out. Its fingerprint is logged. Rejects with
 * `UsageError`, or the host's error.
 */
export async function webCertificate(
  config: Config,
  nickname: string,
  logger: Logger,
  nowMs: number,
): Promise<Certificate> {
  const { webCert, origins, data, serverName, webListen } = config;
  if (webCert !== null) return givenCertificate(webCert, origins.get('web-cert') ?? '--web-cert');
  const path = join(data, CERTIFICATE_FILE);
  let certificate = keptCertificate(path, nowMs);
  if (certificate === null) {
    const own = reachableAddresses([], networkInterfaces());
    const addresses = new Set([
      ...webListen.filter((one) => one !== '::' && one !== '0.0.0.0'),
      ...own,
      '127.0.0.1',
      '::1',
    ]);
    const names = new Set(['localhost', nickname, ...(isIP(serverName) === 0 ? [serverName] : [])]);
    certificate = await makeCertificate(nickname, [...names], [...addresses], nowMs);
    keep(path, certificate);
  } else chmodSync(path, 0o600);
  const { fingerprint } = certificateFacts(certificate.cert, nowMs);
  logger.info({ fingerprint }, `the web page's certificate has the fingerprint ${fingerprint} (SHA-256)`);
  return certificate;
}
