import { port, text } from '../setting-schemas.ts';

const OLD = 'Old machines';

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
} as const;
