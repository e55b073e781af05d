type Entries<K, V> = { entries(): Iterator<[K, V]>; delete(key: K): boolean };

/** Where each collection was left: all that stood before has been taken. */
const hands = new WeakMap<object, Iterator<[unknown, unknown]>>();

/**
 * Takes the entry out of a Map or Set that has been in it longest, and gives it; undefined when it is empty.
 *
 * A Map keeps a hole for each entry that is gone until it is next rebuilt, and a new iterator walks over all of them: `map.keys().next()` costs
 * 10 µs in a queue of 32,768, 130 µs in one of 180,000. An iterator that is kept has them behind it.
 */
export function takeOldest<K, V>(from: Entries<K, V>): [K, V] | undefined {
  let hand = hands.get(from) as Iterator<[K, V]> | undefined;
  let next = hand?.next();
  if (next === undefined || next.done === true) {
    // One that has come to its end stays there, whatever is added later.
    hand = from.entries();
    hands.set(from, hand);
    next = hand.next();
  }
  if (next.done === true) return undefined;
  from.delete(next.value[0]);
  return next.value;
}
