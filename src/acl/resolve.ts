import { parseAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Resolver } from '../base/resolver.ts';
import type { Problem } from './problem.ts';
import type { Rule } from './rule.ts';

/** The most host names that rules may have between them. */
export const HOSTS_MAX = 256;
/** The most addresses of one host. */
export const HOST_ADDRESSES_MAX = 64;
/** How long one host name may take to resolve, in milliseconds. */
export const RESOLVE_TIMEOUT_MS = 10_000;

/** A rule, and the addresses that its network means: null for everyone. */
export interface ResolvedRule {
  readonly rule: Rule;
  readonly networks: readonly { readonly address: Uint8Array; readonly bits: number }[] | null;
}

async function lookUp(name: string, resolver: Resolver, clock: Clock): Promise<readonly Uint8Array[] | string> {
  let expire: (problem: string) => void = () => {};
  const late = new Promise<string>((resolve) => {
    expire = resolve;
  });
  const timer = clock.after(RESOLVE_TIMEOUT_MS, () => expire('no answer in time'));
  const found = resolver.resolve(name).then(
    (texts) => texts.map(parseAddress).filter((address) => address !== null),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const answer = await Promise.race([found, late]);
  timer.cancel();
  if (typeof answer === 'string') return answer;
  if (answer.length === 0) return 'it has no address';
  return answer.length > HOST_ADDRESSES_MAX ? `it has more than ${HOST_ADDRESSES_MAX} addresses` : answer;
}

/**
 * Looks up the host names of rules, each once, one after the other (the host's resolver takes threads that the disk needs). A name
 * that cannot be resolved is a problem, added to `problems`.
 */
export async function resolveRules(
  rules: readonly Rule[],
  resolver: Resolver,
  clock: Clock,
  problems: Problem[],
): Promise<ResolvedRule[]> {
  const hosts = new Map<string, readonly Uint8Array[] | string>();
  const resolved: ResolvedRule[] = [];
  for (const rule of rules) {
    const { network, where } = rule;
    if (network.kind === 'any') resolved.push({ rule, networks: null });
    else if (network.kind === 'net') resolved.push({ rule, networks: [network] });
    else {
      let found = hosts.get(network.name);
      if (found === undefined) {
        found =
          hosts.size < HOSTS_MAX
            ? await lookUp(network.name, resolver, clock)
            : `there are more than ${HOSTS_MAX} host names`;
        hosts.set(network.name, found);
      }
      if (typeof found === 'string') {
        const reason = `the host cannot be resolved (${found}); correct the name, or write its address`;
        problems.push({ where, word: network.name, reason });
      } else resolved.push({ rule, networks: found.map((address) => ({ address, bits: address.length * 8 })) });
    }
  }
  return resolved;
}
