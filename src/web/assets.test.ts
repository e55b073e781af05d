import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Assets } from './assets.ts';
import { certificateFacts, makeCertificate, RENEW_MS } from './certificate.ts';

const PAGE = fileURLToPath(new URL('./page/', import.meta.url));

t.test('the page comes as browsers take it: no types, every file that it names, none of its tests', async (t) => {
  const assets = new Assets(PAGE);
  const warnings: string[] = [];
  process.on('warning', ({ message }) => warnings.push(message));
  const index = assets.get('/')!;
  t.match(index, { type: /^text\/html/, etag: /^"[\w-]{22}"$/ });
  t.equal(assets.get('/'), index);
  const html = index.bytes.toString();
  t.notMatch(html, /<script(?![^>]* src=)|<style| style=| on[a-z]+="/i, 'nothing inline: the policy forbids it');
  const seen = new Set<string>();
  const look = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const asset = assets.get(`/${name}`);
    t.ok(asset, name);
    if (!name.endsWith('.ts')) return;
    t.match(asset!.type, /^text\/javascript/);
    const script = asset!.bytes.toString();
    t.notMatch(script, /^(import|export) type |^export interface /m, name);
    for (const [, module] of script.matchAll(/(?:from|import)\s*\(?'\.\/([^']+)'/g)) look(module!);
  };
  for (const [, name] of html.matchAll(/(?:href|src)="(?:\.?\/)?([\w-]+\.[a-z]+)"/g)) look(name!);
  t.ok(seen.has('main.ts'));
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(warnings, [], 'nothing is told that is not for operators');
  for (const test of readdirSync(PAGE).filter((name) => name.endsWith('.test.ts')))
    t.notOk(assets.get(`/${test}`), test);
  t.throws(() => new Assets(`${PAGE}none`), { code: 'ENOENT' });
});

t.test('a certificate of its own making names host and addresses, and is renewed before it ends', async (t) => {
  const now = Date.now();
  const { cert, key } = await makeCertificate('wallace', ['localhost', 'wallace.example'], ['127.0.0.1', '::1'], now);
  t.match(key, /PRIVATE KEY/);
  const { X509Certificate } = await import('node:crypto');
  const made = new X509Certificate(cert);
  t.ok(made.checkHost('wallace.example'));
  t.ok(made.checkIP('127.0.0.1'));
  t.ok(made.verify(made.publicKey));
  t.match(certificateFacts(cert, now), { fingerprint: /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/, holds: true });
  t.equal(certificateFacts(cert, made.validToDate.getTime() - RENEW_MS).holds, false);
});
