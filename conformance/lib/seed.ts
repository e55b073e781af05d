import { LONG } from '../../src/base/testing/seed.ts';

export { chooseSeed, LONG as long, seeded } from '../../src/base/testing/seed.ts';

/** Milliseconds that one test may take: below the runner's own limit for a file, so that what it started is still taken down. */
export const TEST_TIMEOUT = LONG ? 3_000_000 : 280_000;
