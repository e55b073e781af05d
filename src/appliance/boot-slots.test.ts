import t from 'tap';
import {
  confirmed,
  GRUBENV_BYTES,
  givenUp,
  otherSlot,
  readGrubenv,
  runningSlot,
  TRIES,
  toTry,
  writeGrubenv,
} from './boot-slots.ts';

const MACHINE = '0123456789abcdef0123456789abcdef';

t.test('a grubenv has the length and head that GRUB wants, and all that counts in its first sector', async (t) => {
  const bytes = writeGrubenv(toTry({ slot: 'a', machine: MACHINE }, 'b'));
  t.equal(bytes.length, GRUBENV_BYTES);
  t.match(bytes.toString(), /^# GRUB Environment Block\nslot=a\ntry=b\nleft=3\nmachine=[0-9a-f]{32}\n#+$/);
  t.ok(bytes.indexOf('\n#', 30) < 512);
  t.same(readGrubenv(bytes), { slot: 'a', trial: { slot: 'b', left: TRIES }, machine: MACHINE });
});

t.test('a grubenv that is unsound means system a, as for GRUB, and no try', async (t) => {
  for (const text of ['', 'slot=b\n', '# GRUB Environment Block\nslot=c\ntry=d\nleft=9\nmachine=x\n'])
    t.same(readGrubenv(Buffer.from(text)), { slot: 'a' });
  t.same(readGrubenv(Buffer.from('# GRUB Environment Block\nslot=b\ntry=a\nleft=7\n')), { slot: 'b' });
});

t.test('an update is tried, and is good only when it says so; what is given up leaves the good one', async (t) => {
  const before = { slot: 'a', machine: MACHINE } as const;
  const trial = toTry(before, 'b');
  t.equal(trial.slot, 'a', 'until then the old one is the good one');
  t.same(confirmed(trial, 'b', 'other'), { slot: 'b', machine: MACHINE }, 'the machine keeps its id');
  t.same(confirmed(trial, 'a', 'other'), { slot: 'a', machine: MACHINE }, 'the old one came back: no more tries');
  t.same(givenUp(trial), before);
  t.same(confirmed({ slot: 'a' }, 'a', MACHINE), before, 'the first start gives the machine its id');
});

t.test('which system runs', async (t) => {
  t.equal(runningSlot('root=x magma.slot=b quiet\n'), 'b');
  t.equal(runningSlot('magma.slot=a'), 'a');
  t.equal(runningSlot('xmagma.slot=a magma.slot=ab'), null);
  t.equal(otherSlot('a'), 'b');
  t.equal(otherSlot('b'), 'a');
});
