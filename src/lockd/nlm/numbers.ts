/** The number of the network lock manager (XNFS chapter 10). */
export const NLM_PROGRAM = 100021;
/** The versions that are served: 1 and 2 have the same procedures, 3 the DOS ones as well, 4 has wider offsets. */
export const NLM_VERSIONS = [1, 2, 3, 4] as const;

/** Its procedures. */
export const PROCEDURES = {
  NULL: 0,
  TEST: 1,
  LOCK: 2,
  CANCEL: 3,
  UNLOCK: 4,
  GRANTED: 5,
  TEST_MSG: 6,
  LOCK_MSG: 7,
  CANCEL_MSG: 8,
  UNLOCK_MSG: 9,
  GRANTED_MSG: 10,
  TEST_RES: 11,
  LOCK_RES: 12,
  CANCEL_RES: 13,
  UNLOCK_RES: 14,
  GRANTED_RES: 15,
  SHARE: 20,
  UNSHARE: 21,
  NM_LOCK: 22,
  FREE_ALL: 23,
} as const;
