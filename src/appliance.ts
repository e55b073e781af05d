import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { bannerOf } from './appliance/banner.ts';
import { confirmed, givenUp, otherSlot, toTry } from './appliance/boot-slots.ts';
import { filesOf } from './appliance/files.ts';
import { CONFIG, changeBootState, command, running, withConfig, writeWhole } from './appliance/host.ts';
import { type Appliance, readAppliance } from './appliance/settings.ts';
import { setUp } from './appliance/setup.ts';
import { writeSystem } from './appliance/update.ts';
import { readTextFile } from './magmad/file.ts';
import { UsageError } from './magmad/usage.ts';
import { VERSION } from './magmad/version.ts';

const TOML = `${CONFIG}/magma.toml`;
const PROBLEM = '/run/magma/problem';

const COMMANDS: Readonly<
  Record<string, { readonly help: string; readonly run: (args: readonly string[]) => void | Promise<void> }>
> = {
  configure: { help: 'makes the settings of all services, of magma.toml (at each start)', run: configure },
  setup: { help: 'asks for what magma.toml needs, and writes it', run: setup },
  banner: {
    help: '[yes|no]: shows who this is, and how it is mounted; and whether it serves, if that is known',
    run: banner,
  },
  update: { help: 'FILE: writes a new system beside this one, to be tried at the next start', run: update },
  good: { help: 'this system works: it is started from now on', run: good },
  'give-up': { help: 'the system that is tried does not work', run: giveUp },
};

/** What `configure` has read, for the banner: null when nothing is set up; a problem in words. */
function settingsNow(): { readonly settings: Appliance | null; readonly problem?: string } {
  try {
    if (!existsSync(TOML)) return { settings: null };
    return { settings: readAppliance(readTextFile(TOML, 'the FAT partition'), 'magma.toml') };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { settings: null, problem: error.message };
  }
}

function configure(): void {
  const { settings, problem } = settingsNow();
  rmSync(PROBLEM, { force: true });
  for (const { path, text, mode } of filesOf(settings)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, text, { mode });
    chmodSync(path, mode);
  }
  if (problem !== undefined) {
    writeFileSync(PROBLEM, `${problem}\n`);
    process.stderr.write(`${problem}\n`);
  }
  if (settings !== null) writeFileSync('/proc/sys/kernel/hostname', settings.nickname.replaceAll('_', '-'));
}

async function setup(): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
  const written = await setUp({
    say: (text) => process.stdout.write(text),
    ask: (question) => Promise.race([lines.question(`${question}: `), ended]),
  });
  lines.close();
  if (written === null) {
    process.stdout.write('Nothing is changed.\n');
    return;
  }
  await withConfig(() => writeWhole(TOML, written));
  command('systemctl', 'reboot');
}

/** `serves`: what whoever shows the banner has seen of it, so that it is not shown otherwise than it is known. */
function banner([serves]: readonly string[]): void {
  const { settings, problem } = settingsNow();
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
  const shares = (settings?.shares ?? []).map((rule) => rule.trim().split(/\s+/)[0]!);
  process.stdout.write(
    bannerOf({
      version: VERSION,
      ...(settings === null ? {} : { nickname: settings.nickname }),
      ...(problem === undefined ? {} : { problem }),
      serves: serves === undefined ? spawnSync('magma-answers').status === 0 : serves === 'yes',
      addresses,
      slot: running(),
      shares: shares.length === 0 ? ['/'] : [...new Set(shares)],
    }),
  );
}

async function update([file]: readonly string[]): Promise<void> {
  if (file === undefined) throw new UsageError('which file? magma-appliance update magma-VERSION.update');
  const slot = otherSlot(running());
  const partition = `/dev/disk/by-partlabel/system-${slot}`;
  // What is half written is not to be tried.
  await changeBootState(givenUp);
  process.stdout.write(`writing system ${slot} ...\n`);
  const { version } = await writeSystem(file, partition);
  const mounted = mkdtempSync(join(tmpdir(), 'system-'));
  command('mount', '-t', 'squashfs', '-o', 'ro', partition, mounted);
  try {
    await withConfig(() => {
      for (const name of ['vmlinuz', 'initrd.img']) copyFileSync(join(mounted, 'boot', name), join(CONFIG, slot, name));
    });
  } finally {
    command('umount', mounted);
  }
  await changeBootState((state) => toTry(state, slot));
  process.stdout.write(
    `magma ${version} is tried at the next start: systemctl reboot. When it does not serve within 10 minutes, system ${otherSlot(slot)} comes back.\n`,
  );
}

async function good(): Promise<void> {
  const slot = running();
  const machine = readFileSync('/etc/machine-id', 'utf8').trim();
  await changeBootState((state) => confirmed(state, slot, machine));
  writeFileSync('/run/magma-good', '');
}

async function giveUp(): Promise<void> {
  await changeBootState(givenUp);
}

const [name = '', ...args] = process.argv.slice(2);
const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name]! : undefined;
if (found === undefined) {
  for (const [name, { help }] of Object.entries(COMMANDS)) process.stderr.write(`magma-appliance ${name}  ${help}\n`);
  process.exit(2);
}
try {
  await found.run(args);
} catch (error) {
  process.stderr.write(`magma-appliance: ${(error as Error).message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
