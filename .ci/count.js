// Reads TAP 14 and prints how many assertions passed, failed and were skipped, at all depths. A subtest's own line counts only when
// it failed and nothing in it did (a timeout, a wrong plan), or when it was skipped. On standard error: each failure with the subtests
// that it is in and what was said of it, since it is hard to find among all that passed.
import { createInterface } from 'node:readline';

/** Failures that are told of, and lines that each may take. */
const TOLD_MAX = 50;
const LINES_MAX = 60;

let passed = 0;
let failed = 0;
let skipped = 0;
/** By depth: the failures before the subtest that is open there began. */
const open = [];
/** By depth: the name of that subtest. */
const names = [];
/** The failures, as lines. */
const told = [];
/** Takes what is said of the point before, if that failed. */
let diagnosed = null;
let inDiagnostics = false;

for await (const line of createInterface({ input: process.stdin })) {
  const [, indent, text] = /^((?: {4})*)(.*)$/.exec(line);
  if (text.trim() === '---') inDiagnostics = true;
  if (inDiagnostics && diagnosed !== null && diagnosed.length < LINES_MAX) diagnosed.push(line);
  if (text.trim() === '...') {
    inDiagnostics = false;
    diagnosed = null;
  }
  if (inDiagnostics) continue;
  const depth = indent.length / 4;
  if (text.startsWith('# Subtest: ')) {
    open[depth] = failed;
    names[depth] = text.slice('# Subtest: '.length);
    names.length = depth + 1;
    continue;
  }
  const point = /^(not )?ok\b/.exec(text);
  if (point === null) continue;
  diagnosed = null;
  const before = open[depth];
  open[depth] = undefined;
  const wrong = point[1] !== undefined && !/# TODO\b/i.test(text);
  if (/# SKIP\b/i.test(text)) {
    skipped++;
    continue;
  }
  if (before === undefined) wrong ? failed++ : passed++;
  else if (wrong && failed === before) failed++;
  else continue;
  if (!wrong) continue;
  diagnosed = [[...names.slice(0, depth).filter(Boolean), text].join(' > ')];
  told.push(diagnosed);
}
for (const lines of told.slice(0, TOLD_MAX)) process.stderr.write(`\n${lines.join('\n')}\n`);
if (told.length > TOLD_MAX) process.stderr.write(`\nand ${told.length - TOLD_MAX} more\n`);
process.stdout.write(`${passed} ${failed} ${skipped}\n`);
