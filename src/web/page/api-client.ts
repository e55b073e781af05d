import type { Listing, Refusal, SessionState } from '../api.ts';

/** A request that was refused, in the volcano's own words, or that did not arrive (status 0). */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
  }
}

/** What is known of an upload while it is under way: bytes sent, of how many. */
export type Progress = (sent: number, of: number) => void;

const BROKEN_OFF = 'The upload broke off: the volcano does not answer, or does not take it.';
const UNREACHED = 'The volcano does not answer. Try again when the connection is back.';

/** The requests of the page. `onEnd` hears when the session may be no more. */
export class ApiClient {
  token = '';
  onEnd: () => void = () => {};

  async session(): Promise<SessionState> {
    const session = (await this.#asked('GET', 'api/session')) as SessionState;
    this.token = session.token;
    return session;
  }

  async login(key: string): Promise<void> {
    await this.#asked('POST', 'api/login', JSON.stringify({ key }));
  }

  async logout(): Promise<void> {
    await this.#asked('POST', 'api/logout');
  }

  /** A page of a directory, from after that name. */
  async list(path: string, after: string | null): Promise<Listing> {
    const from = after === null ? '' : `&after=${after}`;
    return (await this.#asked('GET', `api/list?path=${path}${from}`)) as Listing;
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#asked('POST', `api/directory?path=${path}`);
  }

  async remove(path: string, directory: boolean): Promise<void> {
    await this.#asked('DELETE', `api/${directory ? 'directory' : 'file'}?path=${path}`);
  }

  /** Where a file is downloaded from. */
  download(path: string): string {
    return `api/file?path=${path}`;
  }

  /** Sends a file; 409 when it is there and is not to be replaced. fetch tells nothing of how far a body is. */
  upload(path: string, file: Blob, replace: boolean, progress: Progress, stop: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('PUT', `api/file?path=${path}${replace ? '&replace=1' : ''}`);
      request.setRequestHeader('x-magma-token', this.token);
      request.setRequestHeader('content-type', 'application/octet-stream');
      request.upload.addEventListener('progress', ({ loaded, total }) => progress(loaded, total));
      request.addEventListener('load', () => {
        if (request.status >= 200 && request.status < 300) resolve();
        else reject(this.#refused(request.status, request.responseText));
      });
      request.addEventListener('error', () => reject(new RequestError(0, BROKEN_OFF)));
      request.addEventListener('abort', () => reject(new RequestError(0, 'Stopped.')));
      stop.addEventListener('abort', () => request.abort());
      request.send(file);
    });
  }

  async #asked(method: string, path: string, body?: string): Promise<unknown> {
    const headers: Record<string, string> = method === 'GET' ? {} : { 'x-magma-token': this.token };
    if (body !== undefined) headers['content-type'] = 'application/json';
    let answer: Response;
    try {
      answer = await fetch(path, { method, headers, ...(body === undefined ? {} : { body }) });
    } catch {
      throw new RequestError(0, UNREACHED);
    }
    const text = await answer.text();
    if (!answer.ok) throw this.#refused(answer.status, text, path);
    return text === '' ? null : JSON.parse(text);
  }

  #refused(status: number, text: string, path = ''): RequestError {
    // 403 is also what a session that has ended, or a volcano that was started anew, answers to a change.
    if ((status === 401 || status === 403) && path !== 'api/login') this.onEnd();
    return new RequestError(status, refusal(text) ?? `The volcano refuses that (${status}).`);
  }
}

function refusal(text: string): string | null {
  try {
    const { error } = JSON.parse(text) as Partial<Refusal>;
    return typeof error === 'string' ? error : null;
  } catch {
    return null;
  }
}
