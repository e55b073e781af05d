import { parseArgs } from 'node:util';

/** Single-quotes a word when a shell would not take it as it is. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The `mount -t nfs` line for what `mount.magma` was asked to mount: `--host=H DIR`, or `H:PATH DIR` as mount(8) calls it. What is not said
 * becomes HOST, / and /mnt.
 */
export function plainMount(argv: readonly string[]): string {
  const options = { host: { type: 'string' }, key: { type: 'string' }, o: { type: 'string', short: 'o' } } as const;
  const { values, positionals } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true });
  const words = [...positionals];
  let host = typeof values.host === 'string' ? values.host : undefined;
  let path = '/';
  const remote = /^(\[[^\]]+\]|[^/:]+):(\/.*)$/.exec(words[0] ?? '');
  if (remote !== null) {
    words.shift();
    host ??= remote[1]!;
    path = remote[2]!;
  }
  const name = host === undefined ? 'HOST' : host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `mount -t nfs -o nfsvers=2,proto=tcp,nolock ${quoted(`${name}:${path}`)} ${quoted(words[0] ?? '/mnt')}`;
}
