import t from 'tap';
import { MemoryNotes } from '../../flare/testing/memory-notes.ts';
import type { Hello } from '../programs/node/hello.ts';
import { PROTOCOLS } from '../protocols.ts';
import { member, NETWORK_ID } from '../testing/members.ts';
import { beginLife, Lives } from './lives.ts';

const { id, nickname } = member(1);
const hello: Hello = {
  ...{ protocols: PROTOCOLS, version: '0.1.0', networkId: NETWORK_ID, id, nickname },
  ...{ epoch: 3, clock: 0, joining: false, life: 4, born: 17 },
};

t.test('Each start of a data directory is a life more', async (t) => {
  const notes = new MemoryNotes();
  t.equal(await beginLife(notes), 1);
  t.equal(await beginLife(notes), 2);
});

t.test(
  'An older copy of a data directory, and a second one, are refused; later lives, and the same one again, are not',
  async (t) => {
    const lives = new Lives();
    for (const life of [4, 4, 5, 9]) lives.meet({ ...hello, life });
    t.throws(() => lives.meet({ ...hello, life: 8 }), {
      name: 'DeniedError',
      message: /v1 is an older copy: this is life 8 of it, and life 9/,
    });
    t.throws(() => lives.meet({ ...hello, life: 9, born: 18 }), {
      name: 'DeniedError',
      message: /there are two of v1/,
    });
    t.doesNotThrow(() => lives.meet({ ...hello, life: 1, joining: true }), 'the tool, and who joins');
    t.doesNotThrow(() => lives.meet({ ...hello, life: 1, id: member(2).id }));
    t.doesNotThrow(() => lives.meet({ ...hello, life: 10, born: 18 }));
  },
);
