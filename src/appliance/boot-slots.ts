/** The bytes of grubenv: GRUB writes it where it lies, so its length never changes. */
export const GRUBENV_BYTES = 1024;
const HEAD = '# GRUB Environment Block\n';

/** A place for a whole system: one runs, the other one takes an update. */
export type Slot = 'a' | 'b';

/** How often a new system may be started before the good one comes back. `appliance/grub.cfg` counts down from it. */
export const TRIES = 3;

/** What GRUB and this program tell each other. */
export interface BootState {
  /** The system that is known to work. */
  readonly slot: Slot;
  /** The one that is to be tried, and how many tries it has left. */
  readonly trial?: { readonly slot: Slot; readonly left: number };
  /** The machine id, 32 hexadecimal digits: it has no other place that is there when the kernel starts. */
  readonly machine?: string;
}

/** Reads a grubenv. What is unsound in it counts as not there, as GRUB takes it: system a is the good one then. */
export function readGrubenv(bytes: Uint8Array): BootState {
  const text = Buffer.from(bytes).toString('latin1');
  const values = new Map<string, string>();
  if (text.startsWith(HEAD))
    for (const line of text.split('\n')) {
      const at = line.indexOf('=');
      if (at > 0 && !line.startsWith('#')) values.set(line.slice(0, at), line.slice(at + 1));
    }
  const slot = values.get('slot') === 'b' ? 'b' : 'a';
  const trial = values.get('try');
  const left = Number(values.get('left') ?? 0);
  const machine = values.get('machine') ?? '';
  return {
    slot,
    ...((trial === 'a' || trial === 'b') && Number.isInteger(left) && left >= 0 && left <= TRIES
      ? { trial: { slot: trial, left } }
      : {}),
    ...(/^[0-9a-f]{32}$/.test(machine) ? { machine } : {}),
  };
}

/** The bytes of a grubenv, `GRUBENV_BYTES` long. */
export function writeGrubenv({ slot, trial, machine }: BootState): Buffer {
  const lines = [`slot=${slot}`, `try=${trial?.slot ?? ''}`, `left=${trial?.left ?? 0}`, `machine=${machine ?? ''}`];
  return Buffer.from(`${HEAD}${lines.join('\n')}\n`.padEnd(GRUBENV_BYTES, '#'), 'latin1');
}

/** The system that runs has shown that it works. */
export function confirmed(state: BootState, running: Slot, machine: string): BootState {
  return { slot: running, machine: state.machine ?? machine };
}

/** `slot` has a new system, which is tried at the next start. */
export function toTry(state: BootState, slot: Slot): BootState {
  return { ...state, trial: { slot, left: TRIES } };
}

/** The system that was tried did not work: no more tries. */
export function givenUp({ trial: _, ...state }: BootState): BootState {
  return state;
}

/** The system that runs, by what GRUB told the kernel; null when it did not. */
export function runningSlot(commandLine: string): Slot | null {
  const found = /(?:^|\s)magma\.slot=([ab])(?:\s|$)/.exec(commandLine);
  return found === null ? null : (found[1] as Slot);
}

/** The other place. */
export function otherSlot(slot: Slot): Slot {
  return slot === 'a' ? 'b' : 'a';
}
