import t from 'tap';
import { kernelSuite } from './lib/kernel-suite.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';

t.test(
  "the Linux kernel's NFSv2 client over UDP: a tree, what the field knows, git, tar; every packet well formed (RFC 1094)",
  { skip: unmet(LINUX_CLIENT) },
  (t) => kernelSuite(t, 'udp'),
);
