import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Requirements } from '../lib/requirements.ts';

/** What a mount of gocryptfs needs. */
export const GOCRYPTFS: Requirements = {
  root: true,
  commands: { gocryptfs: 'gocryptfs', 'gocryptfs-xray': 'gocryptfs', fusermount3: 'fuse3' },
  files: { '/dev/fuse': 'fuse3; the kernel module is fuse' },
};

/** scrypt's cost in these trees, as log2 of N: the least that is taken, so that a mount takes milliseconds. */
export const LOG_N = 10;

/** A directory of ciphertext, one of its own unless it is given one, and a place to mount it; its own are gone after `remove`. */
export class GocryptfsPlace {
  readonly cipher: string;
  readonly plain: string;
  readonly #base: string;
  #mounted = false;

  constructor(cipher?: string) {
    this.#base = mkdtempSync(join(tmpdir(), 'magma-gocryptfs-'));
    this.cipher = cipher ?? join(this.#base, 'cipher');
    this.plain = join(this.#base, 'plain');
    if (cipher === undefined) mkdirSync(this.cipher);
    mkdirSync(this.plain);
  }

  /** `gocryptfs -init`, with more options. */
  init(passphrase: string, ...options: string[]): void {
    this.#run('gocryptfs', ['-q', '-init', '-scryptn', String(LOG_N), ...options, this.cipher], passphrase);
  }

  /** Calls `use` with the path under which gocryptfs shows the plain tree. */
  async mounted<Result>(passphrase: string, use: (path: string) => Result | Promise<Result>): Promise<Result> {
    this.#run('gocryptfs', ['-q', this.cipher, this.plain], passphrase);
    this.#mounted = true;
    try {
      return await use(this.plain);
    } finally {
      this.#run('fusermount3', ['-u', this.plain]);
      this.#mounted = false;
    }
  }

  /** The status of `gocryptfs -fsck`: 0 when all is well, 26 when it found damage, 12 for a wrong passphrase (gocryptfs(1), exit codes). */
  fsck(passphrase: string): number | null {
    return this.#call('gocryptfs', ['-q', '-fsck', this.cipher], passphrase).status;
  }

  /** As `fsck`, of a copy: where there are no extended attributes it takes that for damage. */
  fsckCopy(passphrase: string): number | null {
    const copy = new GocryptfsPlace();
    try {
      this.#run('cp', ['-a', `${this.cipher}/.`, copy.cipher]);
      return copy.fsck(passphrase);
    } finally {
      copy.remove();
    }
  }

  /** `gocryptfs -passwd`. */
  changePassphrase(from: string, to: string): void {
    this.#run('gocryptfs', ['-q', '-passwd', '-scryptn', String(LOG_N), this.cipher], from, to);
  }

  /** What `gocryptfs -info` prints. */
  info(): string {
    return this.#run('gocryptfs', ['-info', this.cipher]);
  }

  /** The master key, as hexadecimal digits, that gocryptfs-xray finds. */
  masterKey(passphrase: string): string {
    return this.#run('gocryptfs-xray', ['-dumpmasterkey', join(this.cipher, 'gocryptfs.conf')], passphrase).trim();
  }

  /** What gocryptfs-xray says of a file of ciphertext: its header and its blocks. */
  xray(file: string): string {
    return this.#run('gocryptfs-xray', [file]);
  }

  remove(): void {
    if (this.#mounted) this.#call('fusermount3', ['-u', '-z', this.plain]);
    rmSync(this.#base, { recursive: true });
  }

  /** What a command prints; throws with its errors when it fails. Each line of its input is a passphrase. */
  #run(command: string, args: readonly string[], ...input: string[]): string {
    const { status, stdout, stderr } = this.#call(command, args, ...input);
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
    return stdout;
  }

  #call(command: string, args: readonly string[], ...input: string[]) {
    // fsck mounts below TMPDIR, and leaves that directory behind when it fails.
    const env = { ...process.env, TMPDIR: this.#base };
    return spawnSync(command, args, {
      env,
      encoding: 'utf8',
      timeout: 60_000,
      input: input.map((line) => `${line}\n`).join(''),
    });
  }
}
