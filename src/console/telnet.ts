/*
 * TELNET (RFC 854), and its options ECHO (RFC 857), SUPPRESS-GO-AHEAD (RFC 858) and window size (RFC 1073), from the server's side.
 */

const IAC = 255;
const [SE, NOP, BREAK, INTERRUPT, ABORT, ARE_YOU_THERE] = [240, 241, 243, 244, 245, 246] as const;
const [ERASE_CHARACTER, ERASE_LINE, SUBNEGOTIATION] = [247, 248, 250] as const;
const [WILL, WONT, DO, DONT] = [251, 252, 253, 254] as const;
const VERBS: ReadonlySet<number> = new Set([WILL, WONT, DO, DONT]);

const [ECHO, SUPPRESS_GO_AHEAD, WINDOW_SIZE] = [1, 3, 31] as const;

/** The longest subnegotiation that is looked at, in bytes; of a longer one the rest is dropped. */
export const SUBNEGOTIATION_MAX = 64;

const [CTRL_C, BACKSPACE, CTRL_U] = ['\x03', '\x7f', '\x15'];
/** Commands that are keys by other names. */
const KEYS: ReadonlyMap<number, string> = new Map([
  [BREAK, CTRL_C],
  [INTERRUPT, CTRL_C],
  [ABORT, CTRL_C],
  [ERASE_CHARACTER, BACKSPACE],
  [ERASE_LINE, CTRL_U],
]);

type State = 'data' | 'command' | 'option' | 'sub' | 'subCommand';

/** The server's end of TELNET on one connection: takes the protocol out of what a client sends, and answers it. Clients that do not speak it, such as nc, are served line by line. */
export class Telnet {
  readonly #send: (bytes: readonly number[]) => void;
  #state: State = 'data';
  #verb = 0;
  #sub: number[] = [];
  #afterReturn = false;
  #will = new Set<number>([ECHO, SUPPRESS_GO_AHEAD]);
  #on = new Set<number>();
  #suppressed = false;
  /** The client's width in columns; 0: not told. */
  columns = 0;

  /** `send` sends bytes as they are. */
  constructor(send: (bytes: readonly number[]) => void) {
    this.#send = send;
  }

  /** Offers to echo, character by character, and asks how wide the window is. */
  offer(): void {
    this.#send([IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, DO, WINDOW_SIZE]);
  }

  /** The client sends each key at once, and shows nothing by itself. */
  get characters(): boolean {
    return this.#on.has(ECHO) && this.#on.has(SUPPRESS_GO_AHEAD);
  }

  /** What the client has typed (bytes as a Latin-1 string), ends of lines as `\n`. */
  receive(data: Buffer): string {
    let typed = '';
    for (const byte of data) typed += this.#take(byte);
    return typed;
  }

  #take(byte: number): string {
    switch (this.#state) {
      case 'data':
        if (byte === IAC) {
          this.#state = 'command';
          return '';
        }
        return this.#typed(byte);
      case 'command':
        return this.#command(byte);
      case 'option':
        this.#state = 'data';
        this.#answer(this.#verb, byte);
        return '';
      case 'sub':
        if (byte === IAC) this.#state = 'subCommand';
        else if (this.#sub.length < SUBNEGOTIATION_MAX) this.#sub.push(byte);
        return '';
      default:
        this.#state = byte === SE ? 'data' : 'sub';
        if (byte === SE) this.#subnegotiated(this.#sub);
        else if (byte === IAC && this.#sub.length < SUBNEGOTIATION_MAX) this.#sub.push(byte);
        return '';
    }
  }

  /** A line ends with CR LF, CR NUL (RFC 854), or, from who does not know that, LF or CR alone. */
  #typed(byte: number): string {
    const afterReturn = this.#afterReturn;
    this.#afterReturn = byte === 0x0d;
    if (afterReturn && (byte === 0x0a || byte === 0)) return '';
    return byte === 0x0d ? '\n' : String.fromCharCode(byte);
  }

  #command(byte: number): string {
    this.#state = 'data';
    if (byte === IAC) return this.#typed(byte);
    if (VERBS.has(byte)) {
      this.#verb = byte;
      this.#state = 'option';
    } else if (byte === SUBNEGOTIATION) {
      this.#sub = [];
      this.#state = 'sub';
    } else if (byte === ARE_YOU_THERE) this.#send([IAC, NOP]);
    return KEYS.get(byte) ?? '';
  }

  /** Answers what changes something, and refuses what is not known; what only confirms is not answered, or it would go on for ever. */
  #answer(verb: number, option: number): void {
    if (verb === DO) {
      if (this.#will.has(option)) this.#on.add(option);
      else this.#send([IAC, WONT, option]);
    } else if (verb === DONT) {
      this.#on.delete(option);
      if (this.#will.delete(option)) this.#send([IAC, WONT, option]);
    } else if (verb === WILL) {
      if (option === WINDOW_SIZE) return;
      if (option === SUPPRESS_GO_AHEAD && !this.#suppressed) {
        this.#suppressed = true;
        this.#send([IAC, DO, option]);
      } else if (option !== SUPPRESS_GO_AHEAD) this.#send([IAC, DONT, option]);
    } else if (option === WINDOW_SIZE) this.columns = 0;
  }

  #subnegotiated([option, high, low]: readonly number[]): void {
    if (option === WINDOW_SIZE && high !== undefined && low !== undefined) this.columns = high * 256 + low;
  }
}
