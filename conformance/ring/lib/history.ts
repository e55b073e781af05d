import type { FlareStatusName } from '../../../src/flare/errors.ts';
import { keyText } from '../../../src/flare/keys.ts';
import { type Attributes, type FlareId, FlareType, type Name } from '../../../src/flare/types.ts';

/** A flare in a history: its key in hexadecimal digits, and its generation. */
export type Id = string;

export function idOf({ key, generation }: FlareId): Id {
  return `${keyText(key)} ${generation}`;
}

/** Bytes of a block: writes write one, sizes are so many. */
export const BLOCK_BYTES = 16;

/** What a client asks for. */
export type Call =
  | { readonly kind: 'getattr'; readonly id: Id }
  | { readonly kind: 'read'; readonly id: Id }
  | { readonly kind: 'write'; readonly id: Id; readonly block: number; readonly token: string }
  | { readonly kind: 'cut'; readonly id: Id; readonly blocks: number }
  | { readonly kind: 'lookup'; readonly directory: Id; readonly name: Name }
  | { readonly kind: 'readdir'; readonly directory: Id }
  | {
      readonly kind: 'create';
      readonly directory: Id;
      readonly name: Name;
      readonly type: FlareType;
      readonly open: boolean;
    }
  | { readonly kind: 'remove' | 'rmdir'; readonly directory: Id; readonly name: Name }
  | { readonly kind: 'rename'; readonly from: Id; readonly fromName: Name; readonly to: Id; readonly toName: Name }
  | { readonly kind: 'link'; readonly id: Id; readonly directory: Id; readonly name: Name };

/** A flare as an answer shows it. */
export interface Shown {
  readonly id: Id;
  readonly type: FlareType;
  readonly nlink: number;
  /** Bytes; 0 of what is no file. */
  readonly size: number;
  readonly version: number;
  readonly fileid: number;
}

export function shownOf(attributes: Attributes): Shown {
  const { type, nlink, version, fileid } = attributes;
  const size = type === FlareType.file ? attributes.size : 0;
  return { id: idOf(attributes), type, nlink, size, version, fileid };
}

/** What was answered: a refusal, or what there is to see. */
export interface Answer {
  readonly refused?: FlareStatusName;
  readonly shown?: Shown;
  /** A file's blocks. */
  readonly blocks?: readonly string[];
  /** A directory's names, and the fileids of what they mean. */
  readonly entries?: ReadonlyMap<Name, number>;
}

/** One call of a history. Moments are places in the order of all calls' beginnings and ends. */
export interface Event {
  readonly client: string;
  readonly call: Call;
  readonly invoked: number;
  /** Infinity when there was no answer. */
  answered: number;
  answer: Answer | null;
  /** Several copies of it may have been under way. */
  copies: boolean;
}

/** All calls of a run, in the order in which they began. */
export class History {
  readonly events: Event[] = [];
  #moment = 0;

  invoke(client: string, call: Call): Event {
    const event: Event = {
      client,
      call,
      invoked: this.#moment++,
      answered: Number.POSITIVE_INFINITY,
      answer: null,
      copies: false,
    };
    this.events.push(event);
    return event;
  }

  answer(event: Event, answer: Answer): void {
    event.answered = this.#moment++;
    event.answer = answer;
  }

  /** How many beginnings and ends there have been. */
  get moment(): number {
    return this.#moment;
  }

  /** A look that was made during another call: it may have been made at any time of that. */
  within(event: Event, call: Call, answer: Answer): void {
    this.events.push({ ...event, call, answer });
  }
}

/** The flare whose owner decides about a change; null for what changes nothing. */
function decider(call: Call): Id | null {
  switch (call.kind) {
    case 'write':
    case 'cut':
      return call.id;
    case 'create':
    case 'remove':
    case 'rmdir':
    case 'link':
      return call.directory;
    case 'rename':
      return call.from;
    default:
      return null;
  }
}

/** A death of the owner of some slices. */
export interface Death {
  readonly moment: number;
  readonly owned: (id: Id) => boolean;
}

/**
 * Calls that may have been made after they were refused, or found nothing to do: such answers are remembered in memory only (docs/architecture.md), so when the volcano
 * that gave one dies, another copy of the call, which is still under way, is new to its next life. Each is one more call of which nobody knows what became of it.
 */
export function ghosts(events: readonly Event[], deaths: readonly Death[]): Event[] {
  const found: Event[] = [];
  for (const event of events) {
    const flare = decider(event.call);
    if (flare === null || !event.copies || event.answer === null) continue;
    const opened = event.call.kind === 'create' && event.call.open;
    if (event.answer.refused === undefined && !opened) continue;
    const forgotten = deaths.some(({ moment, owned }) => moment > event.invoked && owned(flare));
    if (!forgotten) continue;
    found.push({ ...event, client: `${event.client} (a copy)`, answered: Number.POSITIVE_INFINITY, answer: null });
  }
  return found;
}

function short(id: Id): string {
  const [key = '', generation] = id.split(' ');
  return `${key.slice(0, 6)}.${generation}`;
}

/** An event in one line. */
export function textOf({ client, call, invoked, answered, answer }: Event): string {
  const args = Object.entries(call).map(([field, value]) => {
    if (field === 'kind') return value;
    return ['id', 'directory', 'from', 'to'].includes(field) ? `${field}=${short(String(value))}` : `${field}=${value}`;
  });
  return `[${invoked}, ${answered}] ${client}: ${args.join(' ')} -> ${answerText(answer)}`;
}

function answerText(answer: Answer | null): string {
  if (answer === null) return '(no answer)';
  if (answer.refused !== undefined) return answer.refused;
  const parts: string[] = [];
  const { shown, blocks, entries } = answer;
  if (shown !== undefined) {
    parts.push(
      `${short(shown.id)} ${shown.fileid} type=${shown.type} nlink=${shown.nlink} size=${shown.size} version=${shown.version}`,
    );
  }
  if (blocks !== undefined) parts.push(`[${blocks.join(' ')}]`);
  if (entries !== undefined) parts.push(`{${[...entries].map(([name, fileid]) => `${name}: ${fileid}`).join(', ')}}`);
  return parts.length === 0 ? 'done' : parts.join(' ');
}
