import fc from 'fast-check';
import t from 'tap';
import { encodeCredential, noCredential } from './credential.ts';
import { AUTH_BODY_MAX, type CallHeader, NotACall, readCallHeader, writeCallHeader } from './message.ts';
import { AuthStat, type RpcCredential } from './program.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

function words(...list: number[]): Buffer {
  const out = Buffer.alloc(list.length * 4);
  for (const [n, word] of list.entries()) out.writeUInt32BE(word, n * 4);
  return out;
}

function parse(bytes: Buffer): { found: number; header: CallHeader; left: number } {
  const header: CallHeader = { xid: 0, program: 0, version: 0, procedure: 0, credential: noCredential };
  const reader = new XdrReader(bytes);
  const found = readCallHeader(reader, header);
  return { found, header, left: reader.remaining };
}

const head = words(7, 0, 2, 100003, 2, 4);
const nullAuth = words(0, 0);

t.test('RFC 5531 §9: a call comes out as it went in', async (t) => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const unix = fc.record(
    {
      flavor: fc.constant('unix' as const),
      stamp: u32,
      machine: fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
      uid: u32,
      gid: u32,
      gids: fc.array(u32, { maxLength: 16 }),
    },
    { noNullPrototype: true },
  );
  const numbers = fc.record({ xid: u32, program: u32, version: u32, procedure: u32 }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.oneof(unix, fc.constant<RpcCredential>({ flavor: 'none' })), numbers, (credential, call) => {
      const writer = new XdrWriter();
      const { flavor, body } = encodeCredential(credential);
      writeCallHeader(writer, call, flavor, body);
      writer.u32(99);
      const { found, header, left } = parse(writer.copy());
      t.equal(found, 0);
      t.same(header, { ...call, credential });
      t.equal(left, 4, 'the arguments come next');
    }),
  );
});

t.test('what is no call of version 2', async (t) => {
  t.equal(parse(Buffer.alloc(0)).found, NotACall.NOTHING);
  t.equal(parse(Buffer.alloc(3)).found, NotACall.NOTHING, 'too short for an xid');
  t.equal(parse(words(7, 0)).found, NotACall.NOTHING);
  t.equal(parse(words(7, 1, 2, 0, 0, 0)).found, NotACall.NOTHING, 'replies are ignored');
  t.equal(parse(words(7, 2, 2, 0, 0, 0)).found, NotACall.NOTHING, 'no such message type');
  t.equal(parse(words(7, 0, 3)).found, NotACall.RPC_MISMATCH);
  t.equal(parse(words(7, 0, 2, 100003, 2)).found, NotACall.NOTHING, 'cut off');
});

t.test('RFC 5531 §8.2, appendix A: credentials', async (t) => {
  const verdict = (credential: Buffer, verifier = nullAuth) => parse(Buffer.concat([head, credential, verifier])).found;
  const unix = (length: number, ...rest: number[]) => words(1, length, ...rest);
  t.equal(verdict(nullAuth), 0);
  t.equal(verdict(unix(20, 0, 0, 1, 2, 0)), 0);
  t.equal(verdict(unix(24, 0, 0, 1, 2, 1, 5)), 0);
  t.equal(verdict(unix(28, 0, 0, 1, 2, 1, 5, 0)), 0, 'bytes behind the groups are skipped');
  t.equal(verdict(unix(16, 0, 0, 1, 2, 0)), AuthStat.BADCRED, 'longer than its body');
  t.equal(verdict(unix(20, 0, 0, 1, 2, 1)), AuthStat.BADCRED, 'a group is missing');
  t.equal(verdict(unix(20 + 68, 0, 0, 1, 2, 17, ...new Array(17).fill(1))), AuthStat.BADCRED, '17 groups');
  t.equal(
    verdict(unix(20 + 256, 0, 256, ...new Array(64).fill(0), 1, 2, 0)),
    AuthStat.BADCRED,
    'a machine name of 256',
  );
  t.equal(verdict(words(0, AUTH_BODY_MAX + 4, ...new Array(101).fill(0))), AuthStat.BADCRED, 'a body above 400');
  t.equal(verdict(words(0, AUTH_BODY_MAX, ...new Array(100).fill(0))), 0, 'AUTH_NONE with a body');
  t.equal(verdict(words(1, 100)), AuthStat.BADCRED, 'cut off');
  for (const flavor of [2, 3, 6, 390_000])
    t.equal(verdict(words(flavor, 4, 0)), AuthStat.REJECTEDCRED, `flavor ${flavor}`);
  t.equal(verdict(nullAuth, words(0)), AuthStat.BADVERF, 'no verifier');
  t.equal(verdict(nullAuth, words(0, 404, ...new Array(101).fill(0))), AuthStat.BADVERF);
  t.equal(verdict(nullAuth, words(1, 4, 9)), 0, 'any verifier is skipped');
});

t.test('any bytes are read or refused, never more than there are', async (t) => {
  const bytes = fc.uint8Array({ maxLength: 120 }).map((list) => Buffer.concat([head, Buffer.from(list)]));
  const reads = fc.property(
    bytes,
    fc.integer({ min: 0, max: 140 }),
    (input, cut) => parse(input.subarray(0, cut)).left >= 0,
  );
  t.doesNotThrow(() => fc.assert(reads, { numRuns: 2000 }));
});
