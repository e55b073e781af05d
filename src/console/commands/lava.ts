import { tableOf } from '../../base/table.ts';
import { copiesWanted, mirroredBy, runs, singleCopies } from '../../dht/projection/queries.ts';
import { HEARD_SECONDS } from '../../dht/state-text.ts';
import { told } from '../../operator/text.ts';
import type { Command } from '../command.ts';

export const lava: Command = {
  name: 'lava',
  usage: '',
  brief: 'the ring',
  help: [
    'Shows the volcanos of the network in ring order: what each is primary of and mirrors, and its figures as they were last heard. Nobody is asked, so it answers at once also when volcanos are away.',
    `Figures are exchanged every few seconds: who was not heard of for more than ${HEARD_SECONDS} seconds is away, or cut off from this volcano.`,
  ],
  wordsMax: 0,
  async run({ parts, print }) {
    const { ring } = parts;
    const projection = ring.projection();
    const owned = new Map(runs(projection).map(({ member, count }) => [member, count]));
    const silent: string[] = [];
    const rows = projection.volcanos.map(({ id, nickname, state, addresses }, index) => {
      const { inSync, filling } = mirroredBy(projection, index);
      const known = ring.figures(id);
      const name = told(nickname);
      if (known === null) silent.push(`${name}: nothing was heard of it since this volcano started`);
      else if (known.heardSeconds > HEARD_SECONDS)
        silent.push(`${name}: nothing was heard of it for ${known.heardSeconds} s`);
      const { load, capacityBytes, freeBytes, lagRecords } = known?.figures ?? NO_FIGURES;
      const free = capacityBytes === 0 ? '-' : `${Math.floor((100 * freeBytes) / capacityBytes)} %`;
      return [
        ...[
          projection.arbiter === id ? `${name} (arbiter)` : name,
          state,
          told(addresses[0] ?? '-'),
          `${owned.get(index) ?? 0}`,
        ],
        filling.length > 0 ? `${inSync.length} + ${filling.length} filling` : `${inSync.length}`,
        ...(known === null ? ['-', '-', '-'] : [`${load}`, free, `${lagRecords}`]),
        id === ring.self ? 'this one' : known === null ? 'never' : `${known.heardSeconds} s ago`,
      ];
    });
    const copies = copiesWanted(projection);
    const single = singleCopies(projection).length;
    await print(
      `network ${projection.networkId}, epoch ${projection.epoch}, ${copies} ${copies === 1 ? 'copy' : 'copies'} of every file`,
      ...tableOf(['volcano', 'state', 'address', 'slices', 'mirrors', 'calls/s', 'free', 'lag', 'heard'], rows),
      ...silent,
      ...(copies > 1 && single > 0 ? [`${single} of ${projection.slices} slices have a SINGLE COPY`] : []),
    );
  },
};

const NO_FIGURES = { load: 0, capacityBytes: 0, freeBytes: 0, lagRecords: 0 };
