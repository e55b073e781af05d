import { copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from './lib/run.ts';

const SHIPPED = fileURLToPath(new URL('../systemd/magma-reaches', import.meta.url));

t.test(
  'magma-reaches: another volcano that answers is enough; else NFS must answer here, and only then is `magma ready` asked, which is a program that takes seconds to start',
  async (t) => {
    const directory = t.testdir();
    const at = (name: string): string => join(directory, name);
    const script = (name: string, text: string): void => writeFileSync(at(name), `#!/bin/sh\n${text}`, { mode: 0o755 });
    copyFileSync(SHIPPED, at('magma-reaches'));
    script('magma-answers', `[ -e '${directory}/up-'"\${1:-here}" ]\n`);
    script('magma', `: >'${at('asked')}'; [ -e '${at('ready')}' ]\n`);
    const rows: readonly [readonly string[], boolean, boolean][] = [
      [[], false, false],
      [['ready'], false, false],
      [['up-here'], false, true],
      [['up-here', 'ready'], true, true],
      [['up-1.2.3.5'], true, false],
    ];
    for (const [there, reaches, asked] of rows) {
      for (const name of there) writeFileSync(at(name), '');
      const { status } = await run(at('magma-reaches'), ['1.2.3.4', '1.2.3.5']);
      t.equal(status === 0, reaches, `with ${there.join(' and ') || 'nothing'}`);
      t.equal(existsSync(at('asked')), asked);
      for (const name of [...there, 'asked']) rmSync(at(name), { force: true });
    }
  },
);
