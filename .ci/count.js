// Reads TAP 14 and prints how many assertions passed, failed and were skipped, at all depths. A subtest's own line counts only when
// it failed and nothing in it did (a timeout, a wrong plan), or when it was skipped.
import { createInterface } from 'node:readline';

let passed = 0;
let failed = 0;
let skipped = 0;
/** By depth: the failures before the subtest that is open there began. */
const open = [];
let inDiagnostics = false;

for await (const line of createInterface({ input: process.stdin })) {
  const [, indent, text] = /^((?: {4})*)(.*)$/.exec(line);
  if (text.trim() === '---') inDiagnostics = true;
  if (text.trim() === '...') inDiagnostics = false;
  if (inDiagnostics) continue;
  const depth = indent.length / 4;
  if (text.startsWith('# Subtest: ')) {
    open[depth] = failed;
    continue;
  }
  const point = /^(not )?ok\b/.exec(text);
  if (point === null) continue;
  const before = open[depth];
  open[depth] = undefined;
  const wrong = point[1] !== undefined && !/# TODO\b/i.test(text);
  if (/# SKIP\b/i.test(text)) skipped++;
  else if (before === undefined) wrong ? failed++ : passed++;
  else if (wrong && failed === before) failed++;
}
process.stdout.write(`${passed} ${failed} ${skipped}\n`);
