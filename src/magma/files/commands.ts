import type { Command, CommandSpec, Flag } from '../command.ts';
import { usageError } from '../options.ts';
import { cat } from './cat.ts';
import { get } from './get.ts';
import { list } from './ls.ts';
import { makeDirectories } from './mkdir.ts';
import { move } from './mv.ts';
import { Output } from './output.ts';
import { put } from './put.ts';
import { remove } from './rm.ts';
import { type FileCommand, runFiles } from './run.ts';

const STATUS = '0 all was done; 1 something was not, and what; 2 the command line is wrong; 130 broken off with ^C';
const TREE =
  'The tree is the one that the volcanos see, as root sees it, without the rules of shares; any of them may be asked, and one of them may be away. An encrypted tree is ciphertext there, names and contents: mount.magma shows what it holds. Paths begin at the root; symbolic links in them are not followed.';
const SUMMARY = 'JSON, for programs: files, directories, links, bytes, failed, problems (path, problem)';
const quiet: Flag = { short: 'q', help: 'do not show how far it is' };
const recursive: Flag = { short: 'r', help: 'directories too, with all that is in them' };
const force: Flag = { short: 'f', help: 'replace what is there, and go on in directories that are there' };
const preserve: Flag = {
  short: 'p',
  help: 'keep permissions (but setuid and setgid) and times of change; else permissions are cut by the umask',
};

const LS: CommandSpec = {
  name: 'ls',
  brief: 'lists directories of the tree',
  title: 'lists files and directories of the tree',
  usage: ['[-l] [PATH...]'],
  text: [
    TREE,
    'On a terminal what is no UTF-8 in a name, and what a terminal would obey, is shown as \\xNN, a backslash as \\\\; elsewhere names are the bytes that they are, one a line. With -l also type, permissions, links, owner, group, size, time of change (UTC).',
  ],
  flags: {
    long: { short: 'l', help: 'what each is, whose, and how large' },
    json: {
      help: 'one JSON object a line for each: path, name (nameHex where that is no UTF-8), type, mode, nlink, uid, gid, size, used, fileid, mtime, target; or path, problem',
    },
  },
  asks: true,
  status: STATUS,
  words: 'remote',
};

const CAT: CommandSpec = {
  name: 'cat',
  brief: 'prints files of the tree',
  title: 'writes files of the tree to standard output, byte for byte',
  usage: ['PATH...'],
  text: [TREE],
  flags: { json: { help: 'only an error is JSON' } },
  asks: true,
  status: STATUS,
  words: 'remote',
};

const GET: CommandSpec = {
  name: 'get',
  brief: 'copies files of the tree to this machine',
  title: 'copies files of the tree to this machine',
  usage: ['[-r] [-f] [-p] [-q] REMOTE... [LOCAL]'],
  text: [
    TREE,
    'With one word it goes into this directory; else the last word says where: a directory that is there, a name, or - for standard output. A file has its name when it is complete: until then it is .magma-get-... beside it, also removed when it is broken off with ^C. Holes stay holes. A file that changes meanwhile is begun anew, and after three times given up. With -r symbolic links are copied as links; devices, fifos and sockets are left out, and told.',
  ],
  flags: { recursive, force, preserve, quiet, json: { help: SUMMARY } },
  asks: true,
  status: STATUS,
  words: 'both',
};

const PUT: CommandSpec = {
  name: 'put',
  brief: 'copies files of this machine into the tree',
  title: 'copies files of this machine into the tree',
  usage: ['[-r] [-f] [-p] [-q] LOCAL... REMOTE'],
  text: [
    TREE,
    'REMOTE is a directory that is there, or a name; - as LOCAL is standard input. What is made belongs to root. A file has its name when it is complete: until then it is .magma-put-... beside it, also removed when it is broken off with ^C. Holes stay holes. Links that are named are followed; those that -r finds are copied as links; devices, fifos and sockets are left out, and told.',
  ],
  flags: { recursive, force, preserve, quiet, json: { help: SUMMARY } },
  asks: true,
  status: STATUS,
  words: 'both',
};

const RM: CommandSpec = {
  name: 'rm',
  brief: 'removes files of the tree',
  title: 'removes files of the tree, without asking',
  usage: ['[-r] [-f] PATH...'],
  text: [TREE],
  flags: {
    recursive,
    force: { short: 'f', help: 'what is not there is no error' },
    json: { help: SUMMARY },
  },
  asks: true,
  status: STATUS,
  words: 'remote',
};

const MKDIR: CommandSpec = {
  name: 'mkdir',
  brief: 'makes directories in the tree',
  title: 'makes directories in the tree, of root, with permissions 0755',
  usage: ['[-p] PATH...'],
  text: [TREE],
  flags: {
    parents: { short: 'p', help: 'those above it too; one that is there is no error' },
    json: { help: SUMMARY },
  },
  asks: true,
  status: STATUS,
  words: 'remote',
};

const MV: CommandSpec = {
  name: 'mv',
  brief: 'renames and moves files of the tree',
  title: 'renames files and directories of the tree, or moves them into a directory',
  usage: ['[-f] FROM... TO'],
  text: [TREE, 'No data move: it takes no time, whatever the size.'],
  flags: { force: { short: 'f', help: 'take the place of what is there' }, json: { help: SUMMARY } },
  asks: true,
  status: STATUS,
  words: 'remote',
};

function atLeast(spec: CommandSpec, count: number): NonNullable<FileCommand['check']> {
  return (words) => {
    if (words.length < count) throw usageError(spec, count === 1 ? 'a path is needed' : 'two paths are needed');
  };
}

/** A command whose work prints as it goes. */
function printing(
  work: (words: readonly string[], parts: Parameters<FileCommand['work']>[1], output: Output) => Promise<void>,
) {
  return async (words: readonly string[], parts: Parameters<FileCommand['work']>[1]): Promise<void> => {
    const output = new Output();
    await work(words, parts, output);
    await output.flush();
  };
}

const ALL: readonly FileCommand[] = [
  { spec: LS, work: printing(list), telling: 'lines', bar: () => false },
  { spec: CAT, check: atLeast(CAT, 1), work: printing(cat), telling: 'text', bar: () => false },
  {
    spec: GET,
    check(words, { json }) {
      atLeast(GET, 1)(words, {});
      if (words.length > 1 && words.at(-1) === '-' && json === true)
        throw usageError(GET, '--json and -: both are for standard output');
    },
    work: get,
    telling: 'summary',
    // It would stand in the middle of what is printed.
    bar: (words) => words.length < 2 || words.at(-1) !== '-' || process.stdout.isTTY !== true,
  },
  {
    spec: PUT,
    check(words) {
      atLeast(PUT, 2)(words, {});
      if (words.filter((word) => word === '-').length > 1) throw usageError(PUT, '- is standard input, once');
    },
    work: (words, work) => put(words, work),
    telling: 'summary',
    bar: () => true,
  },
  { spec: RM, check: atLeast(RM, 1), work: remove, telling: 'summary', bar: () => false },
  { spec: MKDIR, check: atLeast(MKDIR, 1), work: makeDirectories, telling: 'summary', bar: () => false },
  { spec: MV, check: atLeast(MV, 2), work: move, telling: 'summary', bar: () => false },
];

/** The commands about files of the tree. */
export const FILE_COMMANDS: readonly Command[] = ALL.map((command) => ({
  spec: command.spec,
  run: (argv) => runFiles(command, argv),
}));
