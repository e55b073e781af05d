import type { Trouble } from './world.ts';

/** What befalls whole volcanos; what is here several times is the more frequent. */
export const WHOLE_TROUBLES: readonly Trouble[] = [
  ...(['crashAtTime', 'crashAtJoint', 'crashAtCall', 'crashAtMirror', 'crashAtMirror', 'crashAtPacket'] as const),
  ...(['crashAtPacket', 'crashAtDiskStep', 'crashAtDiskStep', 'slowDisk', 'part', 'isolate', 'join', 'join'] as const),
  ...([
    'crashAhead',
    'crashAhead',
    'crashAhead',
    'leaveBehind',
    'leaveBehind',
    'leaveBehind',
    'hang',
    'hang',
    'hangAsking',
    'hangAsking',
    'partOneWay',
  ] as const),
  ...(['registerAway', 'registerAway', 'clockJump', 'fullDisk', 'fullDisk', 'failedSync', 'failedSync'] as const),
  ...(['rot', 'rot', 'takeover', 'takeover', 'leave', 'leave'] as const),
];
