import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { captureLoopback, dissect } from './capture.ts';
import { makeNamespace } from './namespace.ts';
import { unmet } from './requirements.ts';
import { TEST_TIMEOUT } from './seed.ts';

/** A test file all of whose traffic over loopback is captured. */
export interface CapturedRun {
  /**
   * Adds a test that ends the capture: tshark has read at least so many calls, and finds no packet malformed, nor a datagram that is no RPC. With `servers`, only what
   * came from these ports is looked at: for tests that send malformed calls on purpose.
   */
  judge(callsMin: number, servers?: readonly number[]): void;
}

const TITLE = 'an independent dissector finds no malformed packet in what was sent and answered so far';

/**
 * From here on this process, and the processes that it starts, are in a network namespace of their own, and what passes its loopback is captured. To be
 * called before any test; without root, tcpdump or tshark nothing is captured, and `judge` adds a test that is skipped with the reason.
 */
export async function captureRun(t: Test, hint: string): Promise<CapturedRun> {
  const commands = { ip: 'iproute2', nsenter: 'util-linux', tcpdump: 'tcpdump', tshark: 'tshark' };
  const skip = unmet({ root: true, namespaces: true, commands });
  if (skip !== false) return { judge: () => void t.test(TITLE, { skip }, () => {}) };
  const scratch = mkdtempSync(join(tmpdir(), 'magma-capture-'));
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const namespace = makeNamespace(t, hint);
  enterNamespace(namespace);
  const file = join(scratch, 'capture.pcap');
  const capture = await captureLoopback(t, namespace, file);
  return {
    judge(callsMin, servers) {
      t.test(TITLE, { timeout: TEST_TIMEOUT }, async (t) => {
        await capture.stop();
        const { calls, replies, malformed, strangers } = await dissect(file, servers);
        const seen = servers === undefined ? calls : replies;
        t.ok(seen >= callsMin && replies > calls / 2, `${calls} calls and ${replies} replies were captured`);
        t.same(malformed, [], 'no packet is malformed');
        if (servers === undefined) t.same(strangers, [], 'no datagram is anything but RPC');
      });
    },
  };
}

/** `CLONE_NEWNET` of setns(2). */
const NETWORK = 0x40000000;

/** Moves the main thread, which makes all sockets, and all threads and processes that it starts from here on. */
function enterNamespace(name: string): void {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const setns = koffi.load(null).func('int setns(int fd, int type)');
  const fd = openSync(`/run/netns/${name}`, 'r');
  try {
    if (setns(fd, NETWORK) !== 0) throw new Error(`cannot enter the network namespace ${name}`);
  } finally {
    closeSync(fd);
  }
}
