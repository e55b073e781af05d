import type { Test } from 'tap';
import { at, magma, type RingVolcano } from './ring.ts';

/** Resolves when `magma ring` says that all slices have two copies in sync, whoever answers. */
export async function twoCopies(asked: readonly string[]): Promise<void> {
  for (;;) {
    const { stdout } = await magma(['ring', '--json', ...asked]);
    const answer = JSON.parse(stdout || '{}') as { slicesShortOfCopies?: number };
    if (answer.slicesShortOfCopies === 0) return;
  }
}

/** Holds a ring that is whole to it that all copies of slices are equal while it runs. */
export async function soundOnline(t: Test, asked: readonly string[]): Promise<void> {
  const online = await magma(['check', '--ring', ...asked]);
  t.match(online, { status: 0, stdout: /256 copies of slices compared\nsound\n$/ }, online.stdout + online.stderr);
}

/** Holds a ring that is whole to it: `magma check` finds all copies of slices equal while it runs; then each volcano ends in order, and `magma check` finds nothing in their data directories either. */
export async function soundRing(t: Test, ring: readonly RingVolcano[]): Promise<void> {
  await soundOnline(t, at(ring[0]!));
  for (const { volcano } of ring) t.equal(await volcano.stop(), 0, 'SIGTERM ends it with status 0');
  const offline = await magma(['check', ...ring.map(({ volcano }) => volcano.directory)]);
  t.equal(offline.status, 0, offline.stdout + offline.stderr);
}
