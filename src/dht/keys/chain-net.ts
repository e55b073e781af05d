import type { ConnectOptions, Endpoint } from '../../base/net.ts';
import { HandshakeError, type SecureNet, type SecureOptions, type SecureStream } from '../../base/secure-net.ts';
import { type Self, volcanoSelf } from '../secrets.ts';
import type { KeyChain, NetworkKey } from './chain.ts';

/**
 * Connects to other volcanos with the key that the plan says, and where that is not let in, with the other one: who was away has that only. Nobody can listen on it.
 */
export function chainNet(secure: (options: SecureOptions) => SecureNet, chain: KeyChain): SecureNet {
  const known = new WeakMap<NetworkKey, SecureNet>();
  const netOf = (key: NetworkKey): SecureNet => {
    let net = known.get(key);
    if (net === undefined) {
      const self: Self = volcanoSelf(key.secrets);
      net = secure({ keyOf: () => null, self });
      known.set(key, net);
    }
    return net;
  };
  return {
    bindDatagram: (addresses, port, choice) => netOf(chain.dialed[0]!).bindDatagram(addresses, port, choice),
    listen: (addresses, port) => netOf(chain.dialed[0]!).listen(addresses, port),
    async connect(to: Endpoint, options?: ConnectOptions): Promise<SecureStream> {
      let first: unknown;
      for (const key of chain.dialed) {
        try {
          return await netOf(key).connect(to, options);
        } catch (error) {
          if (!(error instanceof HandshakeError)) throw error;
          first ??= error;
        }
      }
      throw first;
    },
  };
}
