import { address, choice, list, port, text } from './setting-schemas.ts';

const CONSOLE = 'The console';
const WEB = 'The web page';

/** Where operators come in: the part of `SETTINGS` that is about console and web page. */
export const OPERATOR_SETTINGS = {
  console: {
    kind: 'text',
    value: 'HOW',
    group: CONSOLE,
    help: "The operator's console, for telnet: on or off. Whoever is on this machine may use it, as root.",
    otherwise: 'on',
    schema: choice('on', 'off'),
  },
  'console-port': {
    kind: 'number',
    value: 'PORT',
    group: CONSOLE,
    help: 'TCP. 0 takes a free port. Unless it is given, and when another program has it, there is no console.',
    otherwise: '12002',
    schema: port,
  },
  'console-listen': {
    kind: 'list',
    value: 'ADDR',
    group: CONSOLE,
    help:
      'An address on which the console listens. Can be repeated. Who does not come from this machine is asked for the key of the network, which telnet sends in the clear: ' +
      'only for networks where nobody listens.',
    otherwise: '127.0.0.1 and ::1',
    schema: list(address),
  },
  web: {
    kind: 'text',
    value: 'HOW',
    group: WEB,
    help: "The operator's web page, and /metrics: on or off. Whoever is on this machine may look at it; to change files takes the key.",
    otherwise: 'on',
    schema: choice('on', 'off'),
  },
  'web-port': {
    kind: 'number',
    value: 'PORT',
    group: WEB,
    help: 'TCP. 0 takes a free port. Unless it is given, and when another program has it, there is no page.',
    otherwise: '12003',
    schema: port,
  },
  'web-listen': {
    kind: 'list',
    value: 'ADDR',
    group: WEB,
    help: 'An address on which the page is. Can be repeated. Where it is not loopback, all goes over TLS, and nothing is shown to who has not given the key.',
    otherwise: '127.0.0.1 and ::1',
    schema: list(address),
  },
  'web-cert': {
    kind: 'text',
    value: 'FILE',
    group: WEB,
    help: 'The PEM certificate of these addresses, with those of its authorities. Goes with --web-cert-key.',
    otherwise: 'one of its own making, in the data directory; the log says its fingerprint',
    path: true,
    schema: text,
  },
  'web-cert-key': {
    kind: 'text',
    value: 'FILE',
    group: WEB,
    help: 'The PEM key of that certificate.',
    path: true,
    schema: text,
  },
} as const;
