import { told } from '../../operator/text.ts';
import type { Command } from '../command.ts';

export const shutdown: Command = {
  name: 'shutdown',
  usage: '',
  brief: 'stop this volcano, after asking',
  help: [
    'Ends this volcano in order, as SIGTERM does: what is in flight is finished. It asks first: anything but yes leaves it running. Other volcanos take over what it served, if the network has them; a service manager may start it again.',
  ],
  wordsMax: 0,
  async run({ parts, ask, print, leave }) {
    const answer = await ask(`Stop ${told(parts.nickname)}? Type yes: `);
    if (answer !== 'yes') {
      await print('It goes on.');
      return;
    }
    await print(`${told(parts.nickname)} stops.`);
    parts.logger.info({}, 'the console was told to stop the volcano');
    leave();
    parts.shutdown();
  },
};
