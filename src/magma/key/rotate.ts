import { closeSync, existsSync, fsyncSync, openSync, statSync, writeSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { back, end, type Rotated, type RotationParts, rotate, UNTIL_DEFAULT } from '../../dht/keys/rotate.ts';
import { momentText } from '../../dht/keys/standing.ts';
import { keyringOf } from '../../dht/secrets.ts';
import { readSecretFile } from '../../mount-magma/secret.ts';
import { confirmed } from '../confirm.ts';
import { within } from '../every.ts';
import type { RingClient } from '../ring-client.ts';

/** The longest that it may be, in seconds: a year and a day. */
export const UNTIL_MAX = 366 * 86_400;
/** Bytes of chance in a key that is drawn. */
const DRAWN_BYTES = 24;
const LOOK_MS = 1_000;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Until when, in seconds since 1970: a date (`2026-12-24`, with a time if it has one), or a while from now on (`12h`, `30d`, `0`); null: it was not said. Throws RangeError. */
export function untilOf(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const [, count, unit = 's'] = /^([0-9]{1,9})([smhd])?$/.exec(text) ?? [];
  const until = count === undefined ? Date.parse(text) / 1000 : now + Number(count) * UNITS[unit]!;
  if (Number.isNaN(until)) throw new RangeError(`"${text}" is no date, and no time as 12h or 30d`);
  if (until < now || until > now + UNTIL_MAX)
    throw new RangeError(`until ${text}: that is past, or more than ${UNTIL_MAX / 86_400} days from now`);
  return Math.max(1, Math.floor(until));
}

/** The key in that file, which is drawn and written there first when there is none: so a rotation that is broken off is gone on with. */
function keyIn(file: string): string {
  if (!existsSync(file)) {
    const fd = openSync(file, 'wx', 0o600);
    try {
      writeSync(fd, `${systemRandom.bytes(DRAWN_BYTES).toString('base64url')}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
  if (!statSync(file).isFile()) throw new Error(`${file} is no file`);
  const line = readSecretFile('--new-key-file', file).toString('utf8').replace(/\r$/, '');
  if (line.trim() === '') throw new Error(`--new-key-file ${file}: there is no key in its first line`);
  return line;
}

function partsOf(ring: RingClient, quiet: boolean): RotationParts {
  const asked = ring.member;
  const members = [asked, ...ring.projection.volcanos.filter((one) => one !== asked)];
  return {
    volcanos: members.map((member) => {
      const node = ring.node(member);
      const keys = () => within(node.keys());
      return {
        nickname: member.nickname,
        node: { keys, takeKey: (key) => node.takeKey(key), planKeys: (plan) => node.planKeys(plan) },
      };
    }),
    now: () => systemClock.now() / 1_000_000,
    pause: () => new Promise((resolve) => setTimeout(resolve, LOOK_MS)),
    tell: (step) => void (quiet || process.stderr.write(`${step}\n`)),
  };
}

function say(json: boolean, { plan, away }: Rotated, sentences: readonly string[]): number {
  if (json) process.stdout.write(`${JSON.stringify({ ...plan, away })}\n`);
  else {
    const missing = away.map(
      (nickname) =>
        `${nickname} does not answer: it gets the new key from others if it comes back in time, else give it that (--key-file)`,
    );
    process.stdout.write(`${[...sentences, ...missing].join('\n')}\n`);
  }
  return away.length === 0 ? 0 : 1;
}

/** What is to be done about the network's key. */
export type Rotation =
  | { readonly how: 'rotate'; readonly file: string; readonly until: number | null }
  | { readonly how: 'end' }
  | { readonly how: 'back' };

/** `magma key rotate`. Resolves with the exit status. */
export async function rotateKey(ring: RingClient, json: boolean, what: Rotation, yes: boolean): Promise<number> {
  const parts = partsOf(ring, json);
  if (what.how === 'back') return say(json, await back(parts), ['The network keeps the key that it has.']);
  if (what.how === 'end') {
    if (!json)
      process.stderr.write(
        'Whoever has the old key only is let in no more: magma key list says who has called with it.\n',
      );
    if (!(await confirmed('key', 'end', yes))) throw new Error('nothing was done');
    return say(json, await end(parts), ['The old key is let in no more, by all volcanos within some seconds.']);
  }
  const { file, until } = what;
  if (!json)
    process.stderr.write(
      `The network gets the key in ${file}. The old one, and all client keys that come from it, are let in until ${until === null ? `${UNTIL_DEFAULT / 86_400} days from now, unless another time was said before` : momentText(until)}.\n`,
    );
  if (!(await confirmed('key', 'rotate', yes))) throw new Error('nothing was done');
  const keyring = keyringOf(keyIn(file));
  const key = { secrets: await keyring.network(ring.secrets.networkId), joiner: await keyring.joiner() };
  const rotated = await rotate(parts, key, until);
  return say(json, rotated, [
    `The network has the key in ${file} from now on: ${key.secrets.keyId}`,
    ...(rotated.plan.until > 0
      ? [
          `The old one is let in until ${momentText(rotated.plan.until)}. Before that: the new key to all volcanos' configurations and to this tool's, and what magma key client prints with it to all clients.`,
        ]
      : []),
  ]);
}
