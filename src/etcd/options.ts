/** Who magma is to an etcd with authentication. */
export interface EtcdUser {
  readonly name: string;
  readonly password: string;
}

/** How an etcd cluster is reached. */
export interface EtcdOptions {
  /** Client URLs, `http://host:2379` or `https://host:2379`, tried in turn: one that answered last is asked first. */
  readonly endpoints: readonly URL[];
  /** PEM: whose certificates are believed, instead of the host's, and with what magma shows who it is. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  readonly user?: EtcdUser;
}

/** The most endpoints. */
export const ENDPOINTS_MAX = 16;

/** Reads client URLs, with commas between them. Throws RangeError, which says what is wrong with which. */
export function readEndpoints(text: string): URL[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > ENDPOINTS_MAX) throw new RangeError(`${parts.length} URLs of etcd; the most is ${ENDPOINTS_MAX}`);
  return parts.map((part) => {
    const wrong = (why: string): RangeError =>
      new RangeError(
        `${JSON.stringify(part)} is no client URL of etcd: ${why}; say http://host:2379 or https://host:2379`,
      );
    if (!URL.canParse(part)) throw wrong('it cannot be read');
    const url = new URL(part);
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw wrong(`${url.protocol} is neither http: nor https:`);
    if (url.username !== '' || url.password !== '') throw wrong('it holds a password, which others would see');
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '') throw wrong('it has a path');
    if (url.port === '') url.port = '2379';
    return url;
  });
}
