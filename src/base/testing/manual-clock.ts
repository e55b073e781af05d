import type { Clock, Timer } from '../clock.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves both times on and fires what falls due, in the order of the due times. */
  advance(milliseconds: number): void;
  /** Sets the wall time alone, in microseconds, as an operator who sets the host's clock does: backwards too. */
  setWall(microseconds: number): void;
}

/** A manual clock that starts at that wall time, in microseconds (2020-09-13 12:26:40 UTC unless told). */
export function manualClock(startMicroseconds = 1_600_000_000_000_000): ManualClock {
  let wall = startMicroseconds;
  let steady = 0;
  const waiting = new Set<{ readonly due: number; readonly fire: () => void }>();
  return {
    now: () => wall,
    monotonic: () => steady,
    after(milliseconds, fire): Timer {
      const timer = { due: steady + Math.max(0, milliseconds), fire };
      waiting.add(timer);
      return { cancel: () => void waiting.delete(timer) };
    },
    advance(milliseconds) {
      const goal = steady + milliseconds;
      for (;;) {
        const due = [...waiting].filter((timer) => timer.due <= goal).sort((a, b) => a.due - b.due)[0];
        if (due === undefined) break;
        waiting.delete(due);
        wall += Math.round((due.due - steady) * 1000);
        steady = due.due;
        due.fire();
      }
      wall += Math.round((goal - steady) * 1000);
      steady = goal;
    },
    setWall(microseconds) {
      wall = microseconds;
    },
  };
}
