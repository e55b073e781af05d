import * as v from 'valibot';
import { parseBootClient } from '../../bootparamd/clients.ts';
import { choice, list, port, text, whole } from '../setting-schemas.ts';
import { bootNetworkOf } from './networks.ts';
import { parseServes } from './serves.ts';

const OLD = 'Old machines';

/** How far TIME may be off, in seconds: 68 years, after which it begins anew. */
export const TIME_OFFSET_MAX = 2 ** 31 - 1;

const bootClient = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    const client = dataset.typed ? parseBootClient(dataset.value) : null;
    if (typeof client === 'string') addIssue({ message: `is no NAME ADDRESS FILE=[HOST:]PATH...: ${client}` });
  }),
);

const network = v.pipe(
  text,
  v.check(
    (value) => bootNetworkOf(value) !== null,
    'must be an IPv4 address or network, such as 192.168.1.0/24 or 192.168.1.0/255.255.255.0',
  ),
);

const serves = v.pipe(
  text,
  v.check(
    (value) => parseServes(value) !== null,
    'must be SHARE:PATH, both beginning with a /: /:/tftpboot is the directory /tftpboot of the share /',
  ),
);

/** What old machines ask of their file server besides files: the part of `SETTINGS` that is about it. All of it is off unless it is given. */
export const OLD_MACHINE_SETTINGS = {
  pcnfsd: {
    kind: 'text',
    value: 'FILE',
    group: OLD,
    help: 'Let the users of FILE log in from PC-NFS (PCNFSD): a line each, as magma pc-user writes them. Read again on SIGHUP.',
    otherwise: 'nobody: no PCNFSD',
    path: true,
    schema: text,
  },
  'pcnfsd-port': {
    kind: 'number',
    value: 'PORT',
    group: OLD,
    help: 'PCNFSD, UDP and TCP. 0 takes a free port; clients ask the portmapper.',
    otherwise: '0',
    schema: port,
  },
  time: {
    kind: 'text',
    value: 'HOW',
    group: OLD,
    help: 'on: tell the time (RFC 868, TIME), UDP and TCP, as rdate asks it at boot.',
    otherwise: 'off',
    schema: choice('on', 'off'),
  },
  'time-port': {
    kind: 'number',
    value: 'PORT',
    group: OLD,
    help: 'TIME. Clients look for it at 37 only. 0 takes a free port.',
    otherwise: '37',
    schema: port,
  },
  'time-offset': {
    kind: 'number',
    value: 'SECONDS',
    group: OLD,
    help: 'What is added to the time that TIME tells, for systems that take no year of now: --time-offset -883612800 is 28 years ago, with the same days of the week.',
    otherwise: '0',
    schema: whole(-TIME_OFFSET_MAX, TIME_OFFSET_MAX, 'a number of seconds'),
  },
  tftp: {
    kind: 'text',
    value: 'SHARE:PATH',
    group: OLD,
    help: 'Serve the directory PATH of the share SHARE by TFTP, read-only, to those whom the rules let read it and as the anonymous user: for the first stage of a boot.',
    otherwise: 'no TFTP',
    schema: serves,
  },
  'tftp-port': {
    kind: 'number',
    value: 'PORT',
    group: OLD,
    help: 'TFTP, UDP. Clients look for it at 69 only. 0 takes a free port.',
    otherwise: '69',
    schema: port,
  },
  bootparam: {
    kind: 'list',
    value: "'CLIENT'",
    group: OLD,
    help: "A machine that boots by SunOS's bootparam protocol, and where its files are: NAME ADDRESS FILE=[HOST:]PATH..., as in 'sun1 192.168.1.40 root=/export/root/sun1'. Without HOST it is this server. Can be repeated.",
    otherwise: 'nobody: no bootparamd',
    schema: list(bootClient),
  },
  'bootparam-network': {
    kind: 'list',
    value: 'NETWORK',
    group: OLD,
    help: 'A network whose machines are answered, also when they broadcast through the portmapper. Can be repeated.',
    otherwise: 'the addresses of --bootparam alone',
    schema: list(network),
  },
  'bootparam-domain': {
    kind: 'text',
    value: 'DOMAIN',
    group: OLD,
    help: 'The NIS domain that these machines are told.',
    otherwise: 'none',
    schema: v.pipe(
      text,
      v.maxLength(64, 'must be at most 64 characters long'),
      v.regex(/^[!-~]+$/, 'must be printable ASCII without spaces'),
    ),
  },
  'bootparam-router': {
    kind: 'text',
    value: 'ADDR',
    group: OLD,
    help: 'The IPv4 address of the router that these machines are told.',
    otherwise: 'none',
    schema: v.pipe(text, v.ipv4('must be an IPv4 address')),
  },
  'bootparam-port': {
    kind: 'number',
    value: 'PORT',
    group: OLD,
    help: 'The bootparam program, UDP and TCP. 0 takes a free port; clients ask the portmapper.',
    otherwise: '0',
    schema: port,
  },
} as const;
