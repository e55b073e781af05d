import fc from 'fast-check';
import t from 'tap';
import { ring, ringOf, volcano } from '../testing/made-up.ts';
import { SCENARIOS } from '../testing/scenarios.ts';
import { alarms, overall, SICK_NAMED_MAX, standing } from './health.ts';
import { annulus, COLOURS, colourOf, middleOf, pieces, point } from './ring-geometry.ts';

t.test('every slice is drawn once as a primary, and once for each copy that there is or should be', async () => {
  const runs = fc
    .array(
      fc.record({
        count: fc.integer({ min: 1, max: 40 }),
        primary: fc.nat(3),
        inSync: fc.uniqueArray(fc.nat(3), { maxLength: 2 }),
        filling: fc.uniqueArray(fc.nat(3), { maxLength: 1 }),
      }),
      { minLength: 1, maxLength: 12 },
    )
    .map((all) => {
      let first = 0;
      return all.map((run) => {
        const placed = { ...run, first };
        first += run.count;
        return placed;
      });
    });
  fc.assert(
    fc.property(runs, fc.integer({ min: 1, max: 3 }), (all, copies) => {
      const drawn = pieces(all, copies);
      return all.every((run) => {
        const here = drawn.filter(({ first, count }) => first <= run.first && run.first + run.count <= first + count);
        const of = (kind: string): number[] =>
          here.filter((piece) => piece.kind === kind).map((piece) => piece.volcano);
        const held = 1 + run.inSync.length + run.filling.length;
        return (
          of('primary').join() === String(run.primary) &&
          of('mirror').sort().join() === [...run.inSync].sort().join() &&
          of('filling').join() === run.filling.join() &&
          of('missing').length === Math.max(0, copies - held) &&
          new Set(here.map(({ level }) => level)).size === here.length
        );
      });
    }),
  );
});

t.test('slices beside each other are one piece where the same volcano has them in the same way', async (t) => {
  const runs = [
    { first: 0, count: 10, primary: 0, inSync: [1], filling: [] },
    { first: 10, count: 5, primary: 0, inSync: [2], filling: [] },
    { first: 15, count: 5, primary: 1, inSync: [2], filling: [] },
  ];
  const drawn = pieces(runs, 2).map(({ kind, volcano, first, count }) => `${kind} ${volcano} ${first}+${count}`);
  t.same(drawn.sort(), ['mirror 1 0+10', 'mirror 2 10+10', 'primary 0 0+15', 'primary 1 15+5']);
});

t.test('angles go clockwise from the top; a name stands at the middle of its run, also over the top', async (t) => {
  t.same(
    [point(100, 0), point(100, 0.25), point(100, 0.5)],
    [
      [0, -100],
      [100, -0],
      [0, 100],
    ],
  );
  const all = pieces(ringOf(4), 2);
  t.same(
    [0, 1, 2, 3].map((index) => middleOf(all, index, 256)),
    [0.125, 0.375, 0.625, 0.875],
  );
  const over = pieces(
    [
      { first: 0, count: 32, primary: 0, inSync: [], filling: [] },
      { first: 32, count: 192, primary: 1, inSync: [], filling: [] },
      { first: 224, count: 32, primary: 0, inSync: [], filling: [] },
    ],
    1,
  );
  t.equal(middleOf(over, 0, 256), 0);
  t.equal(middleOf(over, 7, 256), null);
  t.match(annulus(50, 100, 0, 1), /^M0 -100A.*ZM0 -50A.*Z$/, 'a whole turn is two circles');
  t.match(annulus(50, 100, 0, 0.25), /^M0 -100A100 100 0 0 1 100 -?0L50 -?0A50 50 0 0 0 0 -50Z$/);
});

t.test('neighbours never have the same colour', async (t) => {
  for (let of = 2; of <= 100; of++)
    for (let index = 0; index < of; index++)
      if (colourOf(index, of) === colourOf((index + 1) % of, of)) t.fail(`${index} and the next of ${of}`);
  t.equal(COLOURS, 8);
});

t.test('one sentence says how it stands: well, filling, away, and a single copy before all', async (t) => {
  const said = (name: string): string => overall(SCENARIOS[name]!.state(3)).text;
  t.equal(said('healthy'), 'All is well: 3 volcanos, every file on 2 of them.');
  t.match(said('alone'), /^All is well\. This volcano is alone/);
  t.match(said('dead'), /^SINGLE COPY: 171 of 256 slices/);
  t.equal(said('quiet'), 'No answer from gromit.');
  t.match(said('dying'), /^Volcano away: gromit/);
  t.match(said('filling'), /^Filling: feathers is getting copies; 60 slices have fewer than 2/);
  t.equal(overall(SCENARIOS.dead!.state(3)).level, 'bad');
  t.match(
    alarms(SCENARIOS.dead!.state(3)).map(({ text }) => text),
    [/SINGLE COPY/, /gromit/, /feathers: Its disk is slow/],
  );
});

t.test('a client whose network is sick is named, a healthy one is not, and many are counted', async (t) => {
  const texts = alarms(SCENARIOS.clients!.state(3)).map(({ text }) => text.replaceAll('\u00a0', ' '));
  t.same(texts, ['The network of 192.168.1.77 loses about 0.6 % of packets.']);
  const base = ring(3);
  const clients = base.clients.map((client, index) => ({ ...client, sick: true, lossPercent: index }));
  const many = alarms({ ...base, clients });
  t.equal(many.length, SICK_NAMED_MAX + 1);
  t.match(many.at(-1)!.text, /3 more clients/);
});

t.test('what stands in a warning is not obeyed', async (t) => {
  const base = ring(3);
  const volcanos = [volcano('a', 1, { warnings: ['one\u202etwo\x1b[2J'] })];
  const [alarm] = alarms({ ...base, volcanos });
  t.notMatch(alarm!.text, /[\p{Cc}\p{Cf}]/u);
  t.match(standing(volcanos[0]!, 0), { level: 'warn', word: 'in trouble' });
  t.match(standing(volcano('b', 2, { away: true, heardMs: null }), 0), { level: 'bad', since: 'never heard of' });
});

t.test('the old key of the network is an alarm once its time is nearly over', async (t) => {
  const base = ring(3);
  const of = (urgent: boolean) => alarms({ ...base, oldKey: { text: 'OLD KEY: it is let in', urgent } });
  t.same(of(false), []);
  t.same(of(true), [{ key: 'key', level: 'warn', text: 'OLD KEY: it is let in.' }]);
});
