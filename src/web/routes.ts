import type { Answer, Asked, May } from './asked.ts';
import { json } from './asked.ts';
import type { Events } from './events.ts';
import { cookieOf } from './guard.ts';
import { type Doors, login, logout, session } from './login.ts';

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
}

/** All that can be asked for besides the page's files, by path and method. */
export function routesOf({ doors, events }: RouteParts): ReadonlyMap<string, Readonly<Record<string, Route>>> {
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
    ['/api/state', { GET: { needs: 'look', run: async () => json(await events.state()) } }],
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
