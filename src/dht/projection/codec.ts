import * as xdr from '@stellar/js-xdr';
import { compile, type Value } from '../../rpc/xdr.ts';
import { sameAssignment } from './queries.ts';
import {
  ADDRESS_MAX,
  ADDRESSES_MAX,
  ID_BYTES,
  MEMBERS_MAX,
  type Member,
  MIRRORS_MAX,
  NETWORK_NAME_MAX,
  NICKNAME_MAX,
  type Projection,
  ProjectionError,
  SERVER_NAME_MAX,
  SLICES_MAX,
  type SliceAssignment,
  VERSION_TEXT_MAX,
} from './types.ts';
import { validate } from './validate.ts';

/** No projection takes more bytes. */
export const PROJECTION_BYTES_MAX = 2 * 1024 * 1024;

const FORMAT = 1;
const STATES = ['joining', 'serving', 'leaving'] as const;

/** A volcano of the network. `state` is 0 for joining, 1 for serving. */
export const MemberSchema = xdr.struct('Member', {
  id: xdr.opaque(ID_BYTES),
  nickname: xdr.string(NICKNAME_MAX),
  serverName: xdr.string(SERVER_NAME_MAX),
  addresses: xdr.array(xdr.string(ADDRESS_MAX), ADDRESSES_MAX),
  flarePort: xdr.uint32(),
  nodePort: xdr.uint32(),
  state: xdr.uint32(),
  version: xdr.string(VERSION_TEXT_MAX),
});

const mirrors = xdr.array(xdr.uint32(), MIRRORS_MAX);

/** So many slices in a row have these holders. */
const RunSchema = xdr.struct('Run', { count: xdr.uint32(), primary: xdr.uint32(), inSync: mirrors, filling: mirrors });

/** `Projection`; its map is run-length coded. */
export const ProjectionSchema = xdr.struct('Projection', {
  format: xdr.uint32(),
  epoch: xdr.uint64(),
  networkId: xdr.opaque(ID_BYTES),
  networkName: xdr.option(xdr.string(NETWORK_NAME_MAX)),
  replicas: xdr.uint32(),
  arbiter: xdr.option(xdr.opaque(ID_BYTES)),
  slices: xdr.uint32(),
  protocol: xdr.uint32(),
  volcanos: xdr.array(MemberSchema, MEMBERS_MAX),
  runs: xdr.array(RunSchema, SLICES_MAX),
});

type WireProjection = Value<typeof ProjectionSchema>;
type WireMember = Value<typeof MemberSchema>;
type WireRun = WireProjection['runs'][number];

const codec = compile(ProjectionSchema);

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function hex(id: string): Buffer {
  return Buffer.from(id, 'hex');
}

/** A volcano as it goes over the wire. */
export function memberToWire(member: Member): WireMember {
  return {
    id: hex(member.id),
    nickname: ascii(member.nickname),
    serverName: ascii(member.serverName),
    addresses: member.addresses.map(ascii),
    flarePort: member.flarePort,
    nodePort: member.nodePort,
    state: STATES.indexOf(member.state),
    version: ascii(member.version),
  };
}

/** The volcano that came over the wire; not checked but for its state (`checkMember`). Throws `ProjectionError`. */
export function memberFromWire(wire: WireMember): Member {
  const state = STATES[wire.state];
  if (state === undefined) throw new ProjectionError(`no state of a volcano has the number ${wire.state}`);
  return {
    id: wire.id.toString('hex'),
    nickname: wire.nickname.toString('latin1'),
    serverName: wire.serverName.toString('latin1'),
    addresses: wire.addresses.map((address) => address.toString('latin1')),
    flarePort: wire.flarePort,
    nodePort: wire.nodePort,
    state,
    version: wire.version.toString('latin1'),
  };
}

function runsOf(map: readonly SliceAssignment[]): WireRun[] {
  const runs: (SliceAssignment & { count: number })[] = [];
  for (const assignment of map) {
    const last = runs.at(-1);
    if (last !== undefined && sameAssignment(last, assignment)) last.count += 1;
    else runs.push({ count: 1, ...assignment });
  }
  return runs;
}

function mapOf(runs: readonly WireRun[], slices: number): SliceAssignment[] {
  const map: SliceAssignment[] = [];
  for (const { count, primary, inSync, filling } of runs) {
    if (count === 0 || map.length + count > Math.min(slices, SLICES_MAX))
      throw new ProjectionError('the runs of slices do not fit the number of slices');
    const assignment = { primary, inSync, filling };
    for (let at = 0; at < count; at++) map.push(assignment);
  }
  return map;
}

/** What has been encoded: the same projection is written down, compared and sent to many. */
const encoded = new WeakMap<Projection, Buffer>();

/** The projection's bytes: always the same for the same projection. Not to be changed. */
export function encodeProjection(projection: Projection): Buffer {
  let bytes = encoded.get(projection);
  if (bytes === undefined) {
    bytes = encodeAnew(projection);
    encoded.set(projection, bytes);
  }
  return bytes;
}

function encodeAnew(projection: Projection): Buffer {
  const { epoch, networkId, networkName, replicas, arbiter, slices, protocol, volcanos, map } = projection;
  return codec.encode({
    format: FORMAT,
    epoch,
    networkId: hex(networkId),
    networkName: networkName === null ? null : ascii(networkName),
    replicas,
    arbiter: arbiter === null ? null : hex(arbiter),
    slices,
    protocol,
    volcanos: volcanos.map(memberToWire),
    runs: runsOf(map),
  });
}

/** The projection that the bytes hold. Throws `XdrError` or `ProjectionError` when they hold none that is sound. */
export function decodeProjection(bytes: Uint8Array): Projection {
  if (bytes.length > PROJECTION_BYTES_MAX) throw new ProjectionError(`a projection of ${bytes.length} bytes`);
  const wire = codec.decode(bytes);
  if (wire.format !== FORMAT)
    throw new ProjectionError(`a projection in format ${wire.format}: this volcano knows ${FORMAT}`);
  const { epoch, networkId, networkName, replicas, arbiter, slices, protocol } = wire;
  const projection: Projection = {
    epoch,
    networkId: networkId.toString('hex'),
    networkName: networkName === null ? null : networkName.toString('latin1'),
    replicas,
    arbiter: arbiter === null ? null : arbiter.toString('hex'),
    slices,
    protocol,
    volcanos: wire.volcanos.map(memberFromWire),
    map: mapOf(wire.runs, slices),
  };
  validate(projection);
  return projection;
}
