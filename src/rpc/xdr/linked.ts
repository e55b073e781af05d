/** One element of an XDR list (RFC 4506 §4.19): its fields, and what follows. */
export type Linked<T> = T & { readonly next: Linked<T> | null };

/** An array as the linked list that XDR has for it; null when it is empty. */
export function toLinked<T extends object>(items: readonly T[]): Linked<T> | null {
  let head: Linked<T> | null = null;
  for (let at = items.length - 1; at >= 0; at--) head = { ...items[at]!, next: head };
  return head;
}

/** The elements of a linked list, in order. */
export function fromLinked<T>(head: Linked<T> | null): Linked<T>[] {
  const items: Linked<T>[] = [];
  for (let at = head; at !== null; at = at.next) items.push(at);
  return items;
}

/** As many items from the start as have room in `bytes`; `sizeOf` says what one takes. */
export function fitting<T>(items: readonly T[], bytes: number, sizeOf: (item: T) => number): readonly T[] {
  let left = bytes;
  const first = items.findIndex((item) => {
    left -= sizeOf(item);
    return left < 0;
  });
  return first < 0 ? items : items.slice(0, first);
}
