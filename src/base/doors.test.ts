import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const BIOME = fileURLToPath(new URL('../../node_modules/.bin/biome', import.meta.url));

function fileOfTree(name: string): string {
  return readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
}

/** One line each, all of which go round the doors. */
const AROUND: readonly [source: string, rule: string][] = [
  ['export const a = Date.now();', 'noRestrictedGlobals'],
  ['export const a = new Date();', 'noRestrictedGlobals'],
  ['export const a = performance.now();', 'noRestrictedGlobals'],
  ['setTimeout(console.log, 1);', 'noRestrictedGlobals'],
  ['setInterval(console.log, 1);', 'noRestrictedGlobals'],
  ['setImmediate(console.log);', 'noRestrictedGlobals'],
  ['export const a = Math.random();', 'plugin'],
  ['export const a = crypto.getRandomValues(new Uint8Array(1));', 'noRestrictedGlobals'],
  ["import { randomBytes } from 'node:crypto';\nrandomBytes(1);", 'noRestrictedImports'],
  ["import { readFileSync } from 'node:fs';\nreadFileSync('x');", 'noRestrictedImports'],
  ["import { readFile } from 'node:fs/promises';\nreadFile('x');", 'noRestrictedImports'],
  ["import { connect } from 'node:net';\nconnect(1);", 'noRestrictedImports'],
  ["import { connect } from 'net';\nconnect(1);", 'noRestrictedImports'],
  ["import { connect } from 'node:tls';\nconnect(1);", 'noRestrictedImports'],
  ["import { createSocket } from 'node:dgram';\ncreateSocket('udp4');", 'noRestrictedImports'],
  ["import { setTimeout } from 'node:timers/promises';\nsetTimeout(1);", 'noRestrictedImports'],
  ["export const a = await import('node:os');", 'noRestrictedImports'],
  ["import Database from 'better-sqlite3';\nnew Database('x');", 'noRestrictedImports'],
];

t.test(
  'src/flare and src/dht reach clock, chance, files and network only through their doors: the linter says so',
  async (t) => {
    const around = () => Object.fromEntries(AROUND.map(([source], n) => [`around-${n}.ts`, source]));
    const fair = "import { createHash, hkdfSync } from 'node:crypto';\nexport const a = [createHash, hkdfSync];\n";
    const directory = t.testdir({
      'biome.json': fileOfTree('biome.json'),
      lint: { 'no-math-random.grit': fileOfTree('lint/no-math-random.grit') },
      src: {
        dht: {
          ...around(),
          'fair.ts': fair,
          'allowed.test.ts': AROUND[3]![0],
          testing: { 'allowed.ts': AROUND[3]![0] },
        },
        flare: { kml: around() },
        base: around(),
      },
    });
    const ran = spawnSync(BIOME, ['lint', '--reporter=github', '--max-diagnostics=none', 'src'], {
      cwd: directory,
      encoding: 'utf8',
    });
    const lines = ran.stdout.split('\n').filter((line) => line.startsWith('::error'));
    for (const room of ['src/dht', 'src/flare/kml']) {
      for (const [n, [source, rule]] of AROUND.entries()) {
        t.match(lines.find((line) => line.includes(`/${room}/around-${n}.ts,`)) ?? '', rule, `${room}: ${source}`);
      }
    }
    t.same(
      lines.filter((line) => /\/src\/base\/|\/fair|\/allowed/.test(line)),
      [],
      'what the arguments alone decide is fair; tests may; src/base is where the doors are',
    );
  },
);
