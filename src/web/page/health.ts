import type { ClientState, State, VolcanoState } from '../api.ts';
import { shown } from './bytes.ts';
import { count, duration, loss, some } from './format.ts';

/** How bad it is: nothing to do, something to look at, something to do now. */
export type Level = 'good' | 'warn' | 'bad';

/** Something that people are to know, as a sentence. `key` stays while it is the same trouble. */
export interface Alarm {
  readonly key: string;
  readonly level: Level;
  readonly text: string;
}

/** Clients that are named above the page; the table has them all. */
export const SICK_NAMED_MAX = 3;
/** Volcanos that are named in one sentence. */
const NAMED_MAX = 3;

/** How it stands with a volcano, in one word and for how long. */
export interface Standing {
  readonly level: Level;
  readonly word: string;
  readonly since: string | null;
}

/** How it stands with a volcano. */
export function standing(volcano: VolcanoState, now: number): Standing {
  const { away, silent, heardMs, filling, state, warnings, self } = volcano;
  const since = heardMs === null || self ? null : duration(now - heardMs);
  if (away) return { level: 'bad', word: 'away', since: since === null ? 'never heard of' : `for ${since}` };
  if (silent) return { level: 'warn', word: 'does not answer', since: null };
  if (warnings.length > 0) return { level: 'warn', word: 'in trouble', since: null };
  if (state === 'joining') return { level: 'warn', word: 'joining', since: null };
  return filling > 0 ? { level: 'warn', word: 'filling', since: null } : { level: 'good', word: 'well', since: null };
}

/** The state of the network in one sentence, and how bad it is. */
export function overall(state: State): { readonly level: Level; readonly text: string } {
  const worst = ringAlarms(state)[0];
  if (worst !== undefined) return worst;
  if (state.volcanos.length === 1)
    return { level: 'good', text: 'All is well. This volcano is alone: every file has one copy, here.' };
  return {
    level: 'good',
    text: `All is well: ${count(state.volcanos.length)} volcanos, every file on ${count(state.copies)} of them.`,
  };
}

/** All that people are to know, the worst first. */
export function alarms(state: State): Alarm[] {
  return [...ringAlarms(state), ...clientAlarms(state.clients)].sort((one, other) => rank(one) - rank(other));
}

/** The sentence about a client whose network loses packets. */
export function sickSentence({ client, lossPercent }: Pick<ClientState, 'client' | 'lossPercent'>): string {
  return `The network of ${client} loses about ${loss(lossPercent)} of packets.`;
}

function ringAlarms(state: State): Alarm[] {
  const { volcanos, slices, copies, singleCopies, shortOfCopies, oldKey, now } = state;
  const all: Alarm[] = [];
  if (copies > 1 && singleCopies > 0)
    all.push({
      key: 'single',
      level: 'bad',
      text: `SINGLE COPY: ${count(singleCopies)} of ${some(slices, 'slice')} lie on one volcano only. If its disk fails, they are lost.`,
    });
  const away = volcanos.filter((volcano) => volcano.away);
  if (away.length > 0) {
    const named = away.slice(0, NAMED_MAX).map((volcano) => {
      const { since } = standing(volcano, now);
      return since === null ? name(volcano) : `${name(volcano)} (${since})`;
    });
    const more = away.length > NAMED_MAX ? ` and ${count(away.length - NAMED_MAX)} more` : '';
    const verb = away.length === 1 ? 'Volcano' : 'Volcanos';
    all.push({
      key: `away ${away.map(({ id }) => id).join(' ')}`,
      level: 'bad',
      text: `${verb} away: ${named.join(', ')}${more}.`,
    });
  }
  const silent = volcanos.filter((volcano) => volcano.silent && !volcano.away);
  if (silent.length > 0)
    all.push({
      key: `silent ${silent.map(({ id }) => id).join(' ')}`,
      level: 'warn',
      text: `No answer from ${silent.slice(0, NAMED_MAX).map(name).join(', ')}${silent.length > NAMED_MAX ? ` and ${count(silent.length - NAMED_MAX)} more` : ''}.`,
    });
  const filling = volcanos.filter((volcano) => volcano.filling > 0);
  if (filling.length > 0)
    all.push({
      key: 'filling',
      level: 'warn',
      text: `Filling: ${filling.slice(0, NAMED_MAX).map(name).join(', ')}${filling.length > NAMED_MAX ? ' and more' : ''} ${filling.length === 1 ? 'is' : 'are'} getting copies${shortOfCopies > 0 ? `; ${some(shortOfCopies, 'slice has', 'slices have')} fewer than ${copies} until then` : ''}.`,
    });
  else if (shortOfCopies > singleCopies && copies > 1)
    all.push({
      key: 'short',
      level: 'warn',
      text: `${some(shortOfCopies, 'slice has', 'slices have')} fewer than ${copies} copies.`,
    });
  if (oldKey?.urgent) all.push({ key: 'key', level: 'warn', text: `${oldKey.text}.` });
  for (const volcano of volcanos)
    for (const [index, warning] of volcano.warnings.entries())
      all.push({
        key: `warning ${volcano.id} ${index}`,
        level: 'warn',
        text: `${name(volcano)}: ${shownText(warning)}`,
      });
  return all;
}

function clientAlarms(clients: readonly ClientState[]): Alarm[] {
  const sick = clients.filter((client) => client.sick).sort((one, other) => other.lossPercent - one.lossPercent);
  const named: Alarm[] = sick.slice(0, SICK_NAMED_MAX).map((client) => ({
    key: `sick ${client.client} ${client.volcano}`,
    level: 'warn',
    text: sickSentence(client),
  }));
  const more = sick.length - named.length;
  if (more > 0)
    named.push({
      key: 'sick more',
      level: 'warn',
      text: `${some(more, 'more client loses', 'more clients lose')} packets too.`,
    });
  return named;
}

function name({ nickname }: VolcanoState): string {
  return nickname;
}

function shownText(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    shown(character.length === 1 && character <= '\xff' ? character : '?'),
  );
}

function rank({ level }: Alarm): number {
  return level === 'bad' ? 0 : 1;
}
