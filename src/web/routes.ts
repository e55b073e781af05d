import type { Answer, Asked, May } from './asked.ts';
import { json, text } from './asked.ts';
import type { Events } from './events.ts';
import { makeDirectory, removeDirectory, removeFile } from './files/change.ts';
import { DOWNLOADS_MAX, download } from './files/download.ts';
import { list } from './files/list.ts';
import { UPLOADS_MAX, upload } from './files/upload.ts';
import { cookieOf } from './guard.ts';
import { type Doors, login, logout, session } from './login.ts';
import type { Metrics } from './metrics.ts';
import { Slots } from './slots.ts';

/** One thing that can be asked for. */
export interface Route {
  /** What who asks must be allowed to. */
  readonly needs: May;
  /** It is for programs, which bring the key with each request. */
  readonly program?: boolean;
  /** It changes something. */
  readonly changes?: boolean;
  /** What its query may say. */
  readonly query?: readonly string[];
  /** The answer; null: it has answered itself. Throws `Refused`, and what `refusalOf` knows. */
  run(asked: Asked): Answer | null | Promise<Answer | null>;
}

/** What routes work with. */
export interface RouteParts {
  readonly doors: Doors;
  readonly events: Events;
  readonly metrics: Metrics;
}

/** All that can be asked for besides the page's files, by path and method. */
export function routesOf({ doors, events, metrics }: RouteParts): ReadonlyMap<string, Readonly<Record<string, Route>>> {
  const downloads = new Slots(DOWNLOADS_MAX, 'downloads');
  const uploads = new Slots(UPLOADS_MAX, 'uploads');
  return new Map<string, Readonly<Record<string, Route>>>([
    ['/api/session', { GET: { needs: 'login', run: (asked) => session(asked, doors) } }],
    ['/api/login', { POST: { needs: 'login', changes: true, run: (asked) => login(asked, doors) } }],
    [
      '/api/logout',
      {
        POST: {
          needs: 'login',
          changes: true,
          run: (asked) => logout(asked, doors, cookieOf(asked.request, doors.cookie(asked.secure))),
        },
      },
    ],
    ['/healthz', { GET: { needs: 'look', program: true, run: () => text('ok\n') } }],
    [
      '/readyz',
      {
        GET: {
          needs: 'look',
          program: true,
          run({ parts }) {
            const why = parts.unready();
            return why === null ? text('ready\n') : text(`${why}\n`, 503);
          },
        },
      },
    ],
    [
      '/metrics',
      {
        GET: {
          needs: 'look',
          program: true,
          run: async () => text(await metrics.text(), 200, { 'content-type': metrics.contentType }),
        },
      },
    ],
    ['/api/state', { GET: { needs: 'look', run: async () => json(await events.state()) } }],
    ['/api/list', { GET: { needs: 'look', query: ['path', 'after'], run: list } }],
    [
      '/api/file',
      {
        GET: { needs: 'look', query: ['path'], run: (asked) => downloads.run(() => download(asked)) },
        PUT: {
          needs: 'change',
          changes: true,
          query: ['path', 'replace'],
          run: (asked) => uploads.run(() => upload(asked)),
        },
        DELETE: { needs: 'change', changes: true, query: ['path'], run: removeFile },
      },
    ],
    [
      '/api/directory',
      {
        POST: { needs: 'change', changes: true, query: ['path'], run: makeDirectory },
        DELETE: { needs: 'change', changes: true, query: ['path'], run: removeDirectory },
      },
    ],
    [
      '/api/events',
      {
        GET: {
          needs: 'look',
          run({ response, session: own, secure }) {
            events.listen(response, () => (own === null ? !secure : doors.sessions.isAlive(own)));
            return null;
          },
        },
      },
    ],
  ]);
}
