/**
 * A value that is there already, or a promise of it. Answers that need no waiting stay synchronous, so the
 * hot path of a READ or a GETATTR allocates no promise.
 */
export type Eventually<T> = T | Promise<T>;

/** True when the value has still to be waited for. */
export function isPending<T>(value: Eventually<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** Applies `next` now when the value is there, else when it comes; rejections pass through. */
export function andThen<T, U>(value: Eventually<T>, next: (value: T) => Eventually<U>): Eventually<U> {
  return isPending(value) ? value.then(next) : next(value);
}
