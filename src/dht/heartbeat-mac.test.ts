import t from 'tap';
import {
  HEARTBEAT_BYTES_MAX,
  HEARTBEAT_SENDERS_MAX,
  type Heartbeat,
  HeartbeatReceiver,
  HeartbeatSender,
  REPLAY_WINDOW,
} from './heartbeat-mac.ts';

const KEY = Buffer.from('619efbd93a54ec714c2d0e636b9603dbd54f0f6faa5bb25d36b212f97bd40fb4', 'hex');
const ID = Buffer.alloc(16, 0x11);
const NONCE = Buffer.alloc(8, 0x22);
// Made with Python's hmac.
const FIRST = Buffer.from(
  '0111111111111111111111111111111111222222222222222200000000000000016c6f6164203721fecfd7a023aa22edb5f38ccc1faec5',
  'hex',
);

function pair() {
  const receiver = new HeartbeatReceiver(KEY);
  receiver.follow(ID, NONCE);
  return { receiver, sender: new HeartbeatSender(KEY, ID, NONCE) };
}

t.test('a heartbeat is HMAC-SHA-256 over volcano, boot nonce, counter and payload', async (t) => {
  const { receiver, sender } = pair();
  t.same(sender.seal(Buffer.from('load 7')), FIRST);
  t.same(receiver.open(FIRST), { sender: ID, counter: 1, payload: Buffer.from('load 7') });
});

t.test('no bit of a heartbeat can be changed, nor can it be cut or lengthened', async (t) => {
  const { receiver } = pair();
  for (let bit = 0; bit < FIRST.length * 8; bit++) {
    const changed = Buffer.from(FIRST);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    if (typeof receiver.open(changed) !== 'string') t.fail(`bit ${bit}`);
  }
  for (let length = 0; length < FIRST.length; length++) {
    if (typeof receiver.open(FIRST.subarray(0, length)) !== 'string') t.fail(`${length} bytes`);
  }
  t.equal(receiver.open(Buffer.concat([FIRST, Buffer.of(0)])), 'forged');
  const other = new HeartbeatSender(Buffer.alloc(32), ID, NONCE).seal(Buffer.alloc(0));
  t.equal(receiver.open(other), 'forged', 'another key');
  t.not(typeof receiver.open(FIRST), 'string', 'none of these used its number up');
});

t.test('each is taken once, in any order within the window', async (t) => {
  const { receiver, sender } = pair();
  const sent = Array.from({ length: 3 * REPLAY_WINDOW }, () => sender.seal(Buffer.alloc(0)));
  const open = (number: number): number | string => {
    const opened = receiver.open(sent[number - 1]!);
    return typeof opened === 'string' ? opened : opened.counter;
  };
  t.equal(open(2), 2);
  t.equal(open(2), 'replayed');
  t.equal(open(1), 1);
  t.equal(open(1), 'replayed');
  t.equal(open(REPLAY_WINDOW + 2), REPLAY_WINDOW + 2);
  t.equal(open(2), 'replayed', 'just outside of the window');
  t.equal(open(3), 3, 'just inside');
  t.equal(open(3), 'replayed');
  t.equal(open(3 * REPLAY_WINDOW), 3 * REPLAY_WINDOW, 'a jump beyond the window');
  t.equal(open(3 * REPLAY_WINDOW), 'replayed');
  t.equal(open(2 * REPLAY_WINDOW), 'replayed');
  for (let number = 2 * REPLAY_WINDOW + 1; number < 3 * REPLAY_WINDOW; number++) t.equal(open(number), number);
});

t.test('only the start that was learnt over TLS is followed: an earlier one cannot be replayed', async (t) => {
  const { receiver, sender } = pair();
  const old = sender.seal(Buffer.from('old'));
  const next = Buffer.alloc(8, 0x33);
  receiver.follow(ID, NONCE);
  t.equal((receiver.open(old) as Heartbeat).counter, 1);
  receiver.follow(ID, NONCE);
  t.equal(receiver.open(old), 'replayed', 'learning the same start again forgets nothing');
  receiver.follow(ID, next);
  t.equal(receiver.open(sender.seal(Buffer.alloc(0))), 'unknown');
  t.equal((receiver.open(new HeartbeatSender(KEY, ID, next).seal(Buffer.alloc(0))) as Heartbeat).counter, 1);
  receiver.forget(ID);
  t.equal(receiver.open(new HeartbeatSender(KEY, ID, next).seal(Buffer.alloc(0))), 'unknown');
});

t.test('payloads and followed volcanos are bounded', async (t) => {
  const { receiver, sender } = pair();
  t.throws(() => sender.seal(Buffer.alloc(HEARTBEAT_BYTES_MAX + 1)), RangeError);
  t.equal((receiver.open(sender.seal(Buffer.alloc(HEARTBEAT_BYTES_MAX))) as Heartbeat).payload.length, 1024);
  t.equal(receiver.open(Buffer.alloc(2000, 1)), 'malformed');
  for (let n = 1; n < HEARTBEAT_SENDERS_MAX; n++) {
    const id = Buffer.alloc(16);
    id.writeUInt32BE(n);
    receiver.follow(id, NONCE);
  }
  t.throws(() => receiver.follow(Buffer.alloc(16, 9), NONCE), RangeError);
  t.doesNotThrow(() => receiver.follow(ID, Buffer.alloc(8)), 'a known one may start again');
});
