import { Readable } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { PASSPHRASE_BYTES_MAX } from '../client-fuse/crypto/stretch.ts';
import { type Input, lines } from './input.ts';
import { LineEditor } from './line-editor.ts';
import { newPassphraseFrom, passphraseFrom } from './passphrase.ts';

function chunks(...parts: readonly Buffer[]): NodeJS.ReadableStream {
  return Readable.from(parts.map((part) => Buffer.from(part)));
}

async function all(input: Input): Promise<string[]> {
  const found: string[] = [];
  for (let line = await input.line(''); line !== null; line = await input.line('')) found.push(line.toString('latin1'));
  return found;
}

/** Somebody at a terminal who types these, and what he was asked. */
function typist(...answers: readonly string[]): Input & { readonly asked: string[] } {
  const left = [...answers];
  const asked: string[] = [];
  const line = async (prompt: string): Promise<Buffer> => {
    asked.push(prompt);
    return Buffer.from(left.shift()!);
  };
  return { interactive: true, asked, line, close: () => {} };
}

t.test('standard input that is no terminal is taken line by line, however it comes in pieces', async () => {
  const texts = fc.array(fc.stringMatching(/^[a-z\xff\r ]{0,8}$/), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(texts, fc.array(fc.nat(12)), fc.boolean(), async (texts, cuts, ended) => {
      const bytes = Buffer.from(texts.join('\n') + (ended ? '\n' : ''), 'latin1');
      const parts: Buffer[] = [];
      let at = 0;
      for (const cut of cuts) {
        if (cut > 0 && at < bytes.length) parts.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      if (at < bytes.length) parts.push(bytes.subarray(at));
      const wanted = ended || texts.at(-1) !== '' ? texts : texts.slice(0, -1);
      return JSON.stringify(await all(lines(chunks(...parts)))) === JSON.stringify(wanted);
    }),
  );
});

t.test('a line without end is given up at what no passphrase has', async (t) => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(500, 'x');
    })(),
  );
  const line = await lines(endless).line('');
  t.ok(line!.length > PASSPHRASE_BYTES_MAX && line!.length <= PASSPHRASE_BYTES_MAX + 500);
  endless.destroy();
});

t.test('what is typed: corrected as people are used to, whole characters at a time', async (t) => {
  const typed = (keys: string): string => {
    const editor = new LineEditor();
    const outcome = editor.type(Buffer.from(keys));
    return `${outcome}: ${editor.line()}`;
  };
  t.equal(typed('secret\r'), 'done: secret');
  t.equal(typed('secret\nmore'), 'done: secret');
  t.equal(typed('sec'), 'more: sec');
  t.equal(typed('grü\x7fu\x08\x7f\x7f\x7f\x7fnew\r'), 'done: new');
  t.equal(typed('日本\x7f\r'), 'done: 日');
  t.equal(typed('wrong\x15right\r'), 'done: right');
  t.equal(typed('secret\x03'), 'broken off: secret');
  t.equal(typed('\x04'), 'broken off: ');
  t.equal(typed('secret\x04'), 'done: secret');
  const editor = new LineEditor();
  editor.type(Buffer.alloc(PASSPHRASE_BYTES_MAX * 2, 'x'));
  t.equal(editor.line().length, PASSPHRASE_BYTES_MAX + 1, 'too long by one, and refused for that');
  editor.wipe();
  t.equal(editor.line().length, 0);
});

t.test('a new passphrase is asked for twice of whoever types it, and once of what does not', async (t) => {
  const source = (input: Input) => ({ option: 'passfile', file: null, input });
  const ann = typist('one', 'one');
  t.equal((await newPassphraseFrom(source(ann), 'New: ')).toString(), 'one');
  t.same(ann.asked, ['New: ', 'Once more: ']);
  await t.rejects(newPassphraseFrom(source(typist('one', 'two')), ''), { status: 1, message: /not the same/ });
  const piped = lines(chunks(Buffer.from('old\nnew\n')));
  t.equal((await passphraseFrom(source(piped), '')).toString(), 'old');
  t.equal((await newPassphraseFrom(source(piped), '')).toString(), 'new');
  await t.rejects(passphraseFrom(source(piped), ''), {
    ...{ status: 1, message: /^there is no passphrase: standard input is at its end\. Cure: passfile=FILE/ },
  });
  await t.rejects(passphraseFrom(source(lines(chunks(Buffer.from('\n')))), ''), { message: /first line is empty/ });
  await t.rejects(passphraseFrom(source(typist('')), ''), { message: /empty passphrase protects nothing/ });
});
