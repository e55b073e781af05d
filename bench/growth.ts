import { compareCalls } from './growth/calls.ts';
import { fill, needLarge } from './growth/directories.ts';
import { denseFile, sparseFile } from './growth/large-file.ts';
import { comparePages } from './growth/pages.ts';
import { memoryOf, startAgain } from './growth/starts.ts';
import type { LongBench } from './long-options.ts';
import { runLong } from './long-run.ts';
import { say } from './workplace.ts';

/** The benchmark of growth: many files, a large directory, a large file. */
export const GROWTH: LongBench = {
  script: 'bench:growth',
  about: 'Fills a volcano with a million files, and says whether it costs more than a few do.',
  parts: [
    { name: 'fill', what: 'makes a directory of 1,000 entries and the large one; memory' },
    {
      name: 'start',
      what: 'kill -9 and a start, a clean stop and a start; right after fill it has the most to recover',
    },
    { name: 'calls', what: 'LOOKUP, CREATE and REMOVE in the large directory against the small one; memory' },
    { name: 'readdir', what: 'pages of the large directory at its start, middle and end; memory' },
    { name: 'sparse', what: 'a file of 4 GiB - 1 of which only start and end are written' },
    { name: 'dense', what: 'the same, all written; needs 11 GiB of room' },
  ],
};

const NEED_LARGE: ReadonlySet<string> = new Set(['calls', 'readdir']);

await runLong(GROWTH, process.argv.slice(2), async (part, volcano, { entries }) => {
  if (NEED_LARGE.has(part)) await needLarge(volcano, entries);
  switch (part) {
    case 'fill':
      return [...(await fill(volcano, entries, say)), ...memoryOf(volcano, 'after fill')];
    case 'start':
      return startAgain(volcano);
    case 'calls':
      return [...(await compareCalls(volcano, entries)), ...memoryOf(volcano, 'after calls')];
    case 'readdir':
      return [...(await comparePages(volcano, entries)), ...memoryOf(volcano, 'after readdir')];
    case 'sparse':
      return sparseFile(volcano);
    default:
      return denseFile(volcano);
  }
});
