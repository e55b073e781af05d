import { BatchMemory } from '../../flare/kml/batch-memory.ts';
import { recordHead } from '../../flare/record/head.ts';
import type { AppendRecord } from '../programs/node/handlers.ts';
import { APPEND_GROUPS_MAX } from '../programs/node/procedures/mirror.ts';
import { MESSAGE_BYTES } from './limits.ts';

/** Groups on their way to a mirror, as they are sent together. */
export interface Message {
  /** Its number in the stream, from 1. */
  sequence: number;
  readonly groups: AppendRecord[][];
  records: number;
  bytes: number;
  /** The LSN in the sender's log before what it holds. */
  readonly before: number;
  /** Where the records lie, if that is to be used again. */
  readonly memories: readonly Buffer[];
  /** It fills the mirror: state as it was at one moment, which must not come again later. */
  readonly fill: boolean;
}

/** Memory of messages: as many pieces as are on their way at most times. */
const KEPT_MESSAGES = 16;
/** Pieces are of a multiple of so many bytes, so that one does for the next message too. */
const PIECE_BYTES = 64 * 1024;

/** The message with the records of those slices only; none when there are none of them. */
function only(message: Message, takes: (slice: number) => boolean): Message[] {
  let bytes = 0;
  let records = 0;
  const groups: AppendRecord[][] = [];
  for (const group of message.groups) {
    const left = group.filter(({ payload }) => takes(recordHead(payload).slice));
    if (left.length === 0) continue;
    groups.push(left);
    records += left.length;
    for (const { payload } of left) bytes += payload.length;
  }
  return records === 0 ? [] : [{ ...message, groups, bytes, records }];
}

/** What a mirror has not acknowledged, in order. */
export class Outbox {
  readonly #memory = new BatchMemory(KEPT_MESSAGES);
  #queue: Message[] = [];
  /** How many of the queue's first messages have been sent on this connection. */
  #sent = 0;
  #last = 0;
  #bytes = 0;
  #sentBytes = 0;
  #records = 0;
  /** The LSN of the sender's log up to which everything is here, or was. */
  scanned: number;

  constructor(scanned: number) {
    this.scanned = scanned;
  }

  /** What waits, in bytes, and how much of it is sent. */
  get bytes(): number {
    return this.#bytes;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get records(): number {
    return this.#records;
  }

  /** How many messages are sent and not acknowledged. */
  get sent(): number {
    return this.#sent;
  }

  /** The number of the first message that waits; when none does, of the next one that will. */
  get first(): number {
    return this.#queue[0]?.sequence ?? this.#last + 1;
  }

  /** The number of the last message that was put in. */
  get last(): number {
    return this.#last;
  }

  /** Up to which LSN of the sender's log the mirror has all that is its own. */
  get acknowledged(): number {
    return this.#queue[0]?.before ?? this.scanned;
  }

  /** Puts groups behind all others, copied. `before` is the LSN before them. */
  add(groups: readonly (readonly Buffer[])[], before: number, fill: boolean): void {
    for (const message of this.#messages(groups, before, fill)) if (!this.#joined(message)) this.#put(message);
  }

  /** What fills a mirror comes in many small pieces: they go together until they are sent. */
  #joined({ groups, records, bytes, fill }: Message): boolean {
    const last = this.#queue.at(-1);
    if (!fill || last === undefined || !last.fill || this.#sent === this.#queue.length) return false;
    if (last.bytes + bytes > MESSAGE_BYTES || last.groups.length + groups.length > APPEND_GROUPS_MAX) return false;
    last.groups.push(...groups);
    last.bytes += bytes;
    last.records += records;
    this.#bytes += bytes;
    this.#records += records;
    return true;
  }

  *#messages(groups: readonly (readonly Buffer[])[], before: number, fill: boolean): Generator<Message> {
    let gathered: (readonly Buffer[])[] = [];
    let bytes = 0;
    for (const group of groups) {
      gathered.push(group);
      for (const payload of group) bytes += payload.length;
      if (bytes < MESSAGE_BYTES && gathered.length < APPEND_GROUPS_MAX) continue;
      yield this.#message(gathered, bytes, before, fill);
      gathered = [];
      bytes = 0;
    }
    if (gathered.length > 0) yield this.#message(gathered, bytes, before, fill);
  }

  /** Copies groups: the batch that they lie in is used again. */
  #message(groups: readonly (readonly Buffer[])[], bytes: number, before: number, fill: boolean): Message {
    // What fills comes in small pieces, many to a message.
    const memory = fill
      ? Buffer.allocUnsafeSlow(bytes)
      : this.#memory.take(Math.ceil(bytes / PIECE_BYTES) * PIECE_BYTES);
    let at = 0;
    let records = 0;
    const copied = groups.map((group) =>
      group.map((payload): AppendRecord => {
        memory.set(payload, at);
        at += payload.length;
        records++;
        return { flags: 0, payload: memory.subarray(at - payload.length, at) };
      }),
    );
    return { sequence: 0, groups: copied, records, bytes, before, memories: fill ? [] : [memory], fill };
  }

  #put(message: Message): void {
    message.sequence = ++this.#last;
    this.#queue.push(message);
    this.#bytes += message.bytes;
    this.#records += message.records;
  }

  /** The next message to send; undefined when there is none. */
  next(): Message | undefined {
    const message = this.#queue[this.#sent];
    if (message === undefined) return undefined;
    this.#sent++;
    this.#sentBytes += message.bytes;
    return message;
  }

  /**
   * The mirror has all up to that message: their memory is used again. A call that still waits for a connection may send it with other content then; the mirror looks at no message
   * of its stream, or of an older one, twice.
   */
  acknowledge(sequence: number): void {
    while (this.#queue.length > 0 && this.#queue[0]!.sequence <= sequence) {
      const { bytes, records, memories } = this.#queue.shift()!;
      for (const memory of memories) this.#memory.giveBack(memory);
      this.#bytes -= bytes;
      this.#records -= records;
      if (this.#sent === 0) continue;
      this.#sent--;
      this.#sentBytes -= bytes;
    }
  }

  /** There is a new connection: what is not acknowledged is sent again. */
  rewind(): void {
    this.#sent = 0;
    this.#sentBytes = 0;
  }

  /**
   * Begins a new stream: `first` goes before all that waits. What was to fill the mirror is taken away, and so are records of slices that it does not follow (`follows`): they
   * came behind that. The messages are numbered from 1; returns the number of the last one of `first`.
   */
  restart(first: readonly (readonly Buffer[])[], before: number, follows: (slice: number) => boolean): number {
    const left = this.#queue.flatMap((message) => (message.fill ? [] : only(message, follows)));
    this.#queue = [];
    this.#last = this.#bytes = this.#records = 0;
    this.rewind();
    this.add(first, before, false);
    const last = this.#last;
    for (const message of left) this.#put(message);
    return last;
  }

  /** Forgets all that waits. */
  clear(): void {
    this.#queue = [];
    this.restart([], this.scanned, () => false);
  }

  /** The payloads that wait, but for those that fill, in order. */
  *payloads(): Generator<Buffer> {
    for (const { groups, fill } of this.#queue) {
      if (fill) continue;
      for (const group of groups) for (const { payload } of group) yield payload;
    }
  }
}
