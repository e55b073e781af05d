import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import type { Clock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { serviceManager } from './notify.ts';

/** A datagram socket that is not ours: Python's. It prints each message as JSON, and its address first when it chose one. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name.startswith('@') else name)
print(json.dumps('bound'), flush=True)
while True:
    print(json.dumps(s.recv(4096).decode()), flush=True)
`;

const python = spawn('python3', ['--version']).on('error', () => {});
const [status] = await once(python, 'close');
const skip = status === 0 ? false : 'python3 is not installed';

async function receive(t: Test, name: string): Promise<() => Promise<string>> {
  const child = spawn('python3', ['-c', RECEIVER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => JSON.parse((await lines.next()).value as string);
  t.equal(await next(), 'bound');
  return next;
}

for (const kind of ['path', 'abstract'] as const) {
  t.test(`sd_notify(3) over a socket with a${kind === 'path' ? ' path' : 'n abstract name'}`, { skip }, async (t) => {
    const name =
      kind === 'path' ? `${t.testdir()}/notify` : `@magma-test-${process.pid}-${Math.floor(performance.now())}`;
    const next = await receive(t, name);
    const environment: Record<string, string | undefined> = {
      NOTIFY_SOCKET: name,
      WATCHDOG_USEC: '3000000',
      WATCHDOG_PID: '77',
    };
    const manager = serviceManager(environment, 77, silentLogger);
    t.teardown(() => manager.close());
    t.same(environment, {}, 'children are not told of the socket');
    manager.ready('serving\nall');
    t.equal(await next(), 'READY=1\nSTATUS=serving all');
    manager.reloading();
    t.match(await next(), /^RELOADING=1\nMONOTONIC_USEC=[0-9]+$/);
    const delays: number[] = [];
    const fires: (() => void)[] = [];
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      after: (milliseconds, fire) => {
        delays.push(milliseconds);
        fires.push(fire);
        return { cancel: () => {} };
      },
      soon: () => {},
    };
    let healthy = true;
    manager.watch(clock, () => healthy);
    t.equal(await next(), 'WATCHDOG=1');
    t.same(delays, [1500], 'answers twice as often as it has to');
    fires[0]!();
    t.equal(await next(), 'WATCHDOG=1');
    healthy = false;
    fires[1]!();
    manager.stopping();
    t.match(await next(), /^STOPPING=1\n/, 'the watchdog is not answered when the volcano is not well');
  });
}

t.test('a watchdog that is meant for another process is not answered', { skip }, async (t) => {
  const name = `@magma-test-other-${process.pid}`;
  const next = await receive(t, name);
  const manager = serviceManager({ NOTIFY_SOCKET: name, WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }, 77, silentLogger);
  t.teardown(() => manager.close());
  manager.watch({ now: () => 0, monotonic: () => 0, after: () => ({ cancel: () => {} }), soon: () => {} }, () => true);
  manager.ready('x');
  t.match(await next(), /^READY=1/);
});

t.test('a manager that cannot be reached is logged and does not stop the volcano', async (t) => {
  const warnings: object[] = [];
  const log = { ...silentLogger, warn: (fields: object) => warnings.push(fields) };
  serviceManager({}, 1, log).ready('nobody asked');
  t.equal(warnings.length, 0);
  for (const bad of ['relative', `/${'x'.repeat(200)}`]) serviceManager({ NOTIFY_SOCKET: bad }, 1, log).ready('x');
  t.equal(warnings.length, 2);
  const gone = serviceManager({ NOTIFY_SOCKET: `${t.testdir()}/nobody` }, 1, log);
  gone.ready('x');
  gone.close();
  t.equal(warnings.length, 3);
});
