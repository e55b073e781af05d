import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { clientSecret, secretOfClient } from '../dht/client-secret.ts';
import { FIRST_SHARED } from '../dht/keys/identity.ts';
import { CLIENTS_OBSERVED_MAX, LINES_OBSERVED_MAX } from '../dht/observation.ts';
import { type NetworkSecrets, volcanoSelf } from '../dht/secrets.ts';
import type { Config } from '../magmad/config.ts';
import { type BundleParts, bundleEntries, CONTENTS_TEXT, type VolcanoTold } from './bundle/contents.ts';
import { ustar } from './bundle/ustar.ts';
import { writeWhole } from './bundle/write.ts';
import { compareAll } from './check-online.ts';
import type { CommandSpec } from './command.ts';
import { askEvery, problemsOf, silentLines } from './every.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { bytesText, progress } from './progress.ts';
import { failed } from './ring.ts';
import { connectAny, type RingClient } from './ring-client.ts';

/** What `magma support-bundle` is. */
export const SUPPORT_BUNDLE: CommandSpec = {
  name: 'support-bundle',
  brief: 'what whoever helps you needs to know',
  title: 'writes what whoever helps you needs to know of a network into one file',
  usage: ['[--check] [FILE]'],
  text: [
    ...CONTENTS_TEXT,
    'FILE is a tar archive, packed by gzip, that only you may read; magma-support-DATE-TIME.tar.gz unless it is named. Look into it before you give it away: tar tzf FILE. It is written too when no volcano answers at all, with what is known then.',
  ],
  flags: {
    check: { help: 'compare all copies too, as magma check --ring does: every volcano reads all that it has' },
    json: { help: 'one JSON object: file, bytes, entries, problems (volcano, problem)' },
  },
  asks: true,
  status:
    '0 written, all volcanos answered; 1 written without some, or not written, and why; 2 the command line is wrong',
};

/** What must not be in a bundle, as far as it is known here. */
function secretsOf(config: Config, key: string, network: NetworkSecrets | null): string[] {
  const made =
    network === null
      ? []
      : [network.stretched, volcanoSelf(network).key, secretOfClient(network, FIRST_SHARED).key].flatMap((one) => [
          one.toString('hex'),
          one.toString('base64'),
        ]);
  return [
    key,
    ...made,
    ...(network === null ? [] : [clientSecret(network)]),
    ...[config.etcd?.passwordFile, config.etcd?.certKey].flatMap((file) => linesOf(file ?? null)),
  ];
}

function linesOf(file: string | null): string[] {
  if (file === null) return [];
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } catch {
    // Who may not read it cannot put it into the bundle either.
    return [];
  }
}

async function told(ring: RingClient): Promise<NonNullable<BundleParts['ring']>> {
  const ask = { clients: CLIENTS_OBSERVED_MAX, lines: LINES_OBSERVED_MAX };
  const answered = await askEvery<VolcanoTold>(ring, async (node, member) => {
    const [figures, observation] = await Promise.all([ring.figures(member), node.observe(ask)]);
    return { figures, observation };
  });
  return { projection: ring.projection, told: answered };
}

/** What a comparison of all copies has found, or why there is none. */
async function checkedIn(ring: RingClient, json: boolean): Promise<object> {
  const bar = progress('support-bundle', { things: 'slices' }, { wanted: !json });
  bar.expect(ring.projection.map.length);
  bar.known();
  try {
    return await compareAll(ring, () => bar.add(1));
  } catch (error) {
    return { error: (error as Error).message };
  } finally {
    bar.end();
  }
}

/** `magma support-bundle`. Resolves with the exit status. */
export async function supportBundleCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(SUPPORT_BUNDLE, argv);
  const { json, config, words, flags } = asked;
  if (words.length > 1) throw usageError(SUPPORT_BUNDLE, `"${words[1]}" is too much`);
  const key = keyOf(SUPPORT_BUNDLE, config);
  const time = new Date().toISOString();
  const file = words[0] ?? `magma-support-${time.slice(0, 19).replaceAll(':', '').replace('T', '-')}.tar.gz`;
  let ring: BundleParts['ring'] = null;
  let problem: string | null = null;
  let checked: BundleParts['checked'] = null;
  let network: NetworkSecrets | null = null;
  try {
    const { ring: client } = await connectAny(asked, key);
    network = client.secrets;
    ring = await told(client);
    if (flags.check === true) checked = await checkedIn(client, json);
    void client.close();
  } catch (error) {
    problem = `nobody could be asked: ${(error as Error).message}`;
  }
  try {
    const entries = bundleEntries({ time, config, ring, problem, checked, secrets: secretsOf(config, key, network) });
    const packed = gzipSync(ustar(entries, Math.floor(Date.parse(time) / 1000)));
    writeWhole(file, packed);
    const problems = problem === null ? problemsOf(ring!.told) : [{ volcano: null, problem }];
    if (json) {
      const answer = { file, bytes: packed.length, entries: entries.map(({ name }) => name), problems };
      process.stdout.write(`${JSON.stringify(answer)}\n`);
    } else {
      for (const line of problem === null ? silentLines(ring!.told) : [problem])
        process.stderr.write(`magma: ${line}\n`);
      process.stdout.write(`${file}: ${entries.length} files, ${bytesText(packed.length)}\n`);
    }
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    return failed(json, `${file} cannot be written: ${(error as Error).message}`);
  }
}
