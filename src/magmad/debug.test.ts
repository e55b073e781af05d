import t from 'tap';
import { switchable } from './debug.ts';

class Counter {
  #count = 0;
  get count(): number {
    return this.#count;
  }
  add(by: number): number {
    this.#count += by;
    return this.#count;
  }
  clear(): void {
    this.#count = 0;
  }
}

t.test(
  'what is switched does the same, on or off, and is watched only while it is on, by what the watcher has',
  async (t) => {
    const told: number[] = [];
    let turn: (on: boolean) => void = () => {};
    const counter = new Counter();
    const watched: Pick<Counter, 'add'> = {
      add(by) {
        told.push(by);
        return counter.add(by);
      },
    };
    const facade = switchable<Pick<Counter, 'add' | 'count' | 'clear'>>(counter, watched as Counter, (listener) => {
      turn = listener;
      listener(false);
    });
    t.equal(facade.add(1), 1);
    turn(true);
    t.equal(facade.add(2), 3);
    t.equal(facade.count, 3);
    facade.clear();
    turn(false);
    t.equal(facade.add(4), 4);
    t.same(told, [2]);
  },
);
