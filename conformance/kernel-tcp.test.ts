import t from 'tap';
import { kernelSuite } from './lib/kernel-suite.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';

t.test(
  "the Linux kernel's NFSv2 client over TCP: a tree, what the field knows, git, tar; every packet well formed (RFC 1094)",
  { skip: unmet(LINUX_CLIENT), timeout: TEST_TIMEOUT },
  (t) => kernelSuite(t, 'tcp'),
);
