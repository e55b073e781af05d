import type { Value } from '../../../rpc/xdr.ts';
import type { Loads } from './handlers.ts';
import type { Hello } from './hello.ts';
import type { LoadsSchema } from './procedures/figures.ts';
import type { HelloSchema } from './schema.ts';

type WireHello = Value<typeof HelloSchema>;

/** What a volcano says of itself, as it goes over the wire. */
export function wireHello(hello: Hello): WireHello {
  const { protocols, version, networkId, id, nickname, ...rest } = hello;
  return {
    ...rest,
    protocol: protocols.most,
    least: protocols.least,
    further: Buffer.alloc(0),
    version: Buffer.from(version, 'latin1'),
    networkId: networkId === null ? null : Buffer.from(networkId, 'hex'),
    id: Buffer.from(id, 'hex'),
    nickname: Buffer.from(nickname, 'latin1'),
  };
}

/** Text of another volcano that will be shown to people: without control characters. */
function shown(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^\x20-\x7e]/g, '?');
}

/** What another volcano says of itself. */
export function helloFromWire(wire: WireHello): Hello {
  const { protocol, least, further: _, ...rest } = wire;
  return {
    ...rest,
    protocols: { least, most: protocol },
    version: shown(wire.version),
    networkId: wire.networkId === null ? null : wire.networkId.toString('hex'),
    id: wire.id.toString('hex'),
    nickname: shown(wire.nickname),
  };
}

type WireLoads = Value<typeof LoadsSchema>;

export function wireLoads({ figures, usage, heard }: Loads): WireLoads {
  return {
    figures,
    usage: [...usage],
    heard: heard.map((one) => ({ ...one, usage: [...one.usage], id: Buffer.from(one.id, 'hex') })),
  };
}

export function loadsFromWire({ figures, usage, heard }: WireLoads): Loads {
  return { figures, usage, heard: heard.map((one) => ({ ...one, id: one.id.toString('hex') })) };
}
