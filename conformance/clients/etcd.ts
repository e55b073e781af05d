import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../lib/ports.ts';
import type { Requirements } from '../lib/requirements.ts';

/** What a cluster of etcd needs. */
export const ETCD: Requirements = { commands: { etcd: 'etcd-server', openssl: 'openssl' } };

const POLL_MS = 50;
const READY_MS = 60_000;

interface Node {
  readonly name: string;
  readonly client: number;
  readonly args: readonly string[];
  process: ChildProcess | null;
}

/** How a cluster is made. */
export interface EtcdClusterOptions {
  readonly nodes?: number;
  /** Options for each node besides. */
  readonly args?: readonly string[];
  readonly scheme?: 'http' | 'https';
}

/** A cluster of Debian's etcd on this machine, on free ports of loopback, in a directory of its own. */
export class EtcdCluster {
  readonly base = mkdtempSync(join(tmpdir(), 'magma-etcd-'));
  readonly #scheme: string;
  readonly #nodes: Node[] = [];

  private constructor(scheme: string) {
    this.#scheme = scheme;
  }

  static async start({ nodes = 1, args = [], scheme = 'http' }: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(scheme);
    const places = [];
    for (let at = 0; at < nodes; at++) places.push({ client: await freePort(), peer: await freePort() });
    const peers = places.map(({ peer }, at) => `n${at}=http://127.0.0.1:${peer}`).join(',');
    for (const [at, { client, peer }] of places.entries()) {
      const url = `${scheme}://127.0.0.1:${client}`;
      cluster.#nodes.push({
        name: `n${at}`,
        client,
        process: null,
        args: [
          ...['--name', `n${at}`, '--data-dir', join(cluster.base, `n${at}`)],
          ...['--listen-client-urls', url, '--advertise-client-urls', url],
          ...[
            '--listen-peer-urls',
            `http://127.0.0.1:${peer}`,
            '--initial-advertise-peer-urls',
            `http://127.0.0.1:${peer}`,
          ],
          ...['--initial-cluster', peers, '--log-level', 'error', '--logger', 'zap'],
          ...args,
        ],
      });
    }
    for (let at = 0; at < nodes; at++) cluster.run(at);
    if (scheme === 'http') await cluster.ready();
    return cluster;
  }

  get endpoints(): URL[] {
    return this.#nodes.map(({ client }) => new URL(`${this.#scheme}://127.0.0.1:${client}`));
  }

  /** Starts a node, again. */
  run(at: number): void {
    const node = this.#nodes[at]!;
    node.process = spawn('etcd', node.args, {
      stdio: 'ignore',
      env: { PATH: process.env.PATH, ETCD_UNSUPPORTED_ARCH: process.arch },
    });
  }

  /** Resolves when a write would be taken. */
  async ready(): Promise<void> {
    const end = performance.now() + READY_MS;
    while (!(await this.#healthy())) {
      if (performance.now() > end) throw new Error(`etcd is not there after ${READY_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #healthy(): Promise<boolean> {
    const answers = this.#nodes
      .filter(({ process }) => process !== null)
      .map(
        ({ client }) =>
          new Promise<boolean>((resolve) => {
            const asked = request({ host: '127.0.0.1', port: client, path: '/health' }, (answer) => {
              answer.resume();
              resolve(answer.statusCode === 200);
            });
            asked.on('error', () => resolve(false));
            asked.end();
          }),
      );
    return (await Promise.all(answers)).every(Boolean);
  }

  /** kill -9. */
  async kill(at: number): Promise<void> {
    const { process } = this.#nodes[at]!;
    this.#nodes[at]!.process = null;
    if (process === null || process.exitCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  }

  async stop(): Promise<void> {
    for (let at = 0; at < this.#nodes.length; at++) await this.kill(at);
    rmSync(this.base, { recursive: true });
  }
}

/** Makes an authority and a certificate for 127.0.0.1 signed by it, as PEM files in `directory`: `ca.pem`, `cert.pem`, `key.pem`. */
export function makeCertificates(directory: string): void {
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-subj', '/CN=test', '-days', '2');
  openssl(
    'req',
    '-new',
    ...key,
    '-keyout',
    'key.pem',
    '-out',
    'request.pem',
    '-subj',
    '/CN=etcd',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  );
  openssl(
    ...['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial'],
    ...['-copy_extensions', 'copy', '-out', 'cert.pem', '-days', '2'],
  );
}
