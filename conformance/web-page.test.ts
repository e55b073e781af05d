import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { FixtureServer, KEY, TOKEN } from '../src/web/testing/fixture-server.ts';
import { HOSTILE, SCENARIOS } from '../src/web/testing/scenarios.ts';
import { CHROMIUM, startChromium } from './clients/chromium.ts';
import { focused, lowContrast, overflow } from './lib/page-probes.ts';
import { unmet } from './lib/requirements.ts';

const skip = unmet(CHROMIUM);
/** A directory for pictures of everything, when they are wanted. */
const SCREENSHOTS = process.env.MAGMA_SCREENSHOTS ?? '';
const SIZES = [
  [360, 740],
  [768, 1024],
  [1440, 900],
] as const;
/** Steps of two seconds that the graphs begin with. */
const PAST = 20;

t.test('the page in a browser', { skip, timeout: 120_000 }, async (t) => {
  const fixture = await FixtureServer.start(SCENARIOS.healthy!, { past: PAST });
  t.teardown(() => fixture.close());
  const browser = await startChromium(t);

  /** The page over that scenario, and all that went wrong in it. */
  async function open(t: Test, scenario: string, ready = 'body.ready'): Promise<{ page: Page; wrong: string[] }> {
    fixture.become(SCENARIOS[scenario]!);
    const page = await browser.newPage();
    t.teardown(() => page.close());
    const wrong: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) wrong.push(message.text());
    });
    page.on('pageerror', (error) => wrong.push(String(error)));
    page.on('dialog', (dialog) => {
      wrong.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(fixture.url)) wrong.push(`asks for ${request.url()}`);
    });
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(fixture.url);
    await page.waitForSelector(ready);
    return { page, wrong };
  }

  const settled = (page: Page): Promise<unknown> =>
    page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const text = async (page: Page, selector: string): Promise<string> =>
    ((await page.textContent(selector)) ?? '').replace(/[\u00a0\u202f]/g, ' ');

  for (const scenario of Object.keys(SCENARIOS).filter((name) => !['dying', 'quiet'].includes(name)))
    t.test(`${scenario}: fits at three widths in two themes, can be read, and asks nothing of others`, async (t) => {
      const { page, wrong } = await open(t, scenario, scenario === 'login' ? 'dialog' : 'body.ready');
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        for (const [width, height] of SIZES) {
          await page.setViewportSize({ width, height });
          await settled(page);
          t.same(await page.evaluate(overflow), { pixels: 0, what: [] }, `${width} ${colorScheme}`);
          if (SCREENSHOTS === '') continue;
          mkdirSync(SCREENSHOTS, { recursive: true });
          await page.screenshot({ path: join(SCREENSHOTS, `${scenario}-${width}-${colorScheme}.png`), fullPage: true });
        }
        const { texts, low } = await page.evaluate(lowContrast);
        t.same(low, [], `contrast, ${colorScheme}`);
        t.ok(texts > (scenario === 'login' ? 5 : 60), `${texts} texts were looked at`);
      }
      t.same(wrong, []);
    });

  t.test('all of it goes by the keyboard, and the focus is seen', async (t) => {
    const { page, wrong } = await open(t, 'healthy');
    const walked: string[] = [];
    for (;;) {
      await page.keyboard.press('Tab');
      const { what, seen } = await page.evaluate(focused);
      if (what === '' || walked.length > 120) break;
      if (!seen) t.fail(`the focus is not seen on ${what}`);
      walked.push(what);
    }
    t.match(walked[0], /Skip to the contents/);
    for (const wanted of [
      ...[/^a# Ring/, /^button#theme/, /^button#session Log out/, /^button# gromit/, /^summary# The same as tables/],
      ...[
        /^select#graphs-volcano/,
        /^div# Operations a second/,
        /^div# Latency/,
        /^input#clients-filter/,
        /^button# Loss/,
      ],
      ...[
        /^select#log-level/,
        /^button# Pause/,
        /^ol# The last lines/,
        /^button#files-upload/,
        /^a# boot\//,
        /^button# Delete boot/,
      ],
    ])
      t.ok(
        walked.some((one) => wanted.test(one)),
        `${wanted} is reached`,
      );

    const chart = page.locator('[role=slider]').first();
    await chart.focus();
    const now = await chart.getAttribute('aria-valuetext');
    t.match(now, /\(now\): GETATTR .*READ/);
    await page.keyboard.press('ArrowLeft');
    t.match(await chart.getAttribute('aria-valuetext'), /\(2.s ago\): /);
    await page.keyboard.press('Escape');
    t.equal(await chart.getAttribute('aria-valuetext'), now);
    fixture.tick();
    await page.waitForFunction(
      ([before]) => document.querySelector('[role=slider]')?.getAttribute('aria-valuetext') !== before,
      [now],
    );

    const volcano = page.locator('.volcano button').nth(1);
    await volcano.focus();
    t.ok((await page.locator('.piece.lit').count()) >= 2, 'a volcano that is looked at has its slices lit');
    await page.keyboard.press('Enter');
    await page.locator('#theme').focus();
    t.equal(await volcano.getAttribute('aria-pressed'), 'true');
    t.ok((await page.locator('.piece.lit').count()) >= 2, 'and they stay so when it is pressed');

    await page.locator('#files a.directory', { hasText: 'home/' }).focus();
    await page.keyboard.press('Enter');
    const ada = page.locator('button[aria-label="Delete ada"]');
    await ada.waitFor();
    t.match(await page.evaluate(focused), { what: 'a# home' }, 'the focus is on where one is now');
    await ada.focus();
    await page.keyboard.press('Enter');
    t.match(await text(page, 'dialog h2'), 'Delete the directory “ada”?');
    t.match(await page.evaluate(focused), { what: 'button# Cancel' });
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    t.match(await page.evaluate(focused), { what: 'button# Delete ada' }, 'the focus is where it was');
    t.same(wrong, []);
  });

  t.test('names that would do something do nothing', async (t) => {
    const { page, wrong } = await open(t, 'hostile');
    t.equal(await page.locator('#nickname').textContent(), HOSTILE[0]);
    t.equal(await page.locator('main img, main script').count(), 0);
    const names = await page.locator('#files tbody td:first-child').allTextContents();
    for (const name of ['a\\xffb', 'tab\\x09new\\x0aline', 'back\\\\slash 100%?&#+', `${HOSTILE[0]}/`])
      t.ok(names.includes(name), name);
    t.equal(names.filter((name) => /[\p{Cc}\p{Cf}]/u.test(name)).length, 0);
    await page.click(`#files a:text-is("${HOSTILE[0]}/")`);
    await page.waitForSelector('.crumbs li:nth-child(2)');
    t.equal(await page.locator('#files tbody tr').count(), 1);
    t.ok(fixture.asked.some(({ url }) => url === '/api/list?path=/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E'));
    await page.click('.crumbs a');
    await page.click('button[aria-label="Delete a\\\\xffb"]');
    await page.click('dialog .danger');
    await page.waitForFunction(() => !document.querySelector('#files tbody')?.textContent?.includes('a\\xffb'));
    t.match(
      fixture.asked.findLast(({ method }) => method === 'DELETE'),
      { url: '/api/file?path=/a%FFb', token: TOKEN },
    );
    t.same(wrong, []);
  });

  t.test('of 500 clients the one whose network is sick is named and comes first, the others are not', async (t) => {
    const { page } = await open(t, 'clients');
    t.equal(await text(page, '#alarms'), '▲The network of 192.168.1.77 loses about 0.6 % of packets.');
    t.equal(await page.locator('#clients tr.sick').count(), 1);
    t.match(await text(page, '#clients tbody tr:first-child'), /192\.168\.1\.77.*0\.6 %/);
    t.ok((await page.locator('#clients tbody tr').count()) <= 20, 'a page of them is drawn');
    await page.fill('#clients-filter', '192.168.2.9 gromit');
    t.match(await page.locator('#clients tbody td:first-child .address').allTextContents(), /^192\.168\.2\.9/);
    await page.fill('#clients-filter', 'nobody');
    t.match(await text(page, '#clients .empty'), 'No client is like that.');
    t.equal(await page.isVisible('#files-upload'), false, 'who may only look is offered no change');
    t.match(await text(page, '#files'), /Log in to change files/);
  });

  t.test('a volcano that is away is told at once, in words and in the picture', async (t) => {
    const { page } = await open(t, 'dead');
    t.match(await text(page, '#called'), /SINGLE COPY: 171 of 256 slices.*Volcano away: gromit \(for 2 min 18 s\)/);
    t.match(await text(page, '#overall'), /^✕SINGLE COPY/);
    t.match(await text(page, '.volcano.bad'), /gromit✕ away for 2 min/);
    t.ok((await page.locator('.piece.missing').count()) > 0, 'copies that there are not are drawn');
    await page.click('#ring summary');
    t.match(await text(page, '#ring tbody tr:nth-child(2)'), /gromitaway/);
    fixture.become(SCENARIOS.dying!);
    await page.reload();
    await page.waitForSelector('body.ready');
    t.equal(await page.locator('.piece.primary.away').getAttribute('fill'), 'url(#dead)');
    t.match(await text(page, '.ring .label.bad'), '✕ gromitaway');
  });

  t.test('files are sent, replaced, made and deleted through the API, with the token', async (t) => {
    const { page } = await open(t, 'healthy');
    const done = (count: number): Promise<unknown> =>
      page.waitForFunction((count) => document.querySelectorAll('.uploads .done').length === count, count);
    const changes = (): string[] =>
      fixture.asked.flatMap(({ method, url, token, bytes }) =>
        method === 'GET' ? [] : [`${method} ${url} ${token === TOKEN} ${bytes}`],
      );
    const input = page.locator('#files input[type=file]');
    await input.setInputFiles({ name: 'Käse & Lava.txt', mimeType: 'text/plain', buffer: Buffer.alloc(70_000) });
    await done(1);
    await page.waitForSelector('#files tbody :text("Käse & Lava.txt")');
    await input.setInputFiles({ name: 'README.txt', mimeType: 'text/plain', buffer: Buffer.from('new') });
    await page.waitForSelector('dialog');
    t.equal(await text(page, 'dialog h2'), 'Replace “README.txt”?');
    await page.click('dialog .danger');
    await done(2);
    await page.evaluate(() => {
      const data = new DataTransfer();
      data.items.add(new File(['dropped'], 'dropped.txt'));
      document
        .querySelector('#files')!
        .dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await done(3);
    await page.click('#files-directory');
    await page.keyboard.type('a/b');
    await page.keyboard.press('Enter');
    t.match(await text(page, 'dialog .fault'), /cannot have a \//);
    await page.keyboard.type('crates');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.click('button[aria-label="Delete crates"]');
    await page.click('dialog .danger');
    await page.waitForFunction(() => document.querySelector('button[aria-label="Delete crates"]') === null);
    await page.click('button[aria-label="Delete boot"]');
    await page.click('dialog .danger');
    await page.waitForSelector('#files .banner');
    t.match(await text(page, '#files .banner'), /not empty/, 'what is refused is said in the words of the volcano');
    t.same(changes(), [
      'PUT /api/file?path=/K%C3%A4se%20%26%20Lava.txt true 70000',
      'PUT /api/file?path=/README.txt true 3',
      'PUT /api/file?path=/README.txt&replace=1 true 3',
      'PUT /api/file?path=/dropped.txt true 7',
      'POST /api/directory?path=/crates true 0',
      'DELETE /api/directory?path=/crates true 0',
      'DELETE /api/directory?path=/boot true 0',
    ]);
    await page.click('#files a:text-is("srv/")');
    await page.waitForSelector('#files button:text("Show more"):visible');
    await page.click('#files button:text("Show more")');
    await page.waitForFunction(() => document.querySelectorAll('#files tbody tr').length === 400);
  });

  t.test('nothing is shown before the key is said, nor after the session has ended', async (t) => {
    const { page } = await open(t, 'login', 'dialog');
    t.equal(
      fixture.asked.some(({ url }) => /^\/api\/(state|events|list)/.test(url)),
      false,
      'nothing else is asked for',
    );
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    t.equal(await page.isVisible('dialog'), true);
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('dialog .fault')?.textContent !== '');
    t.match(await text(page, 'dialog .fault'), /not the key/);
    await page.keyboard.type(KEY);
    await page.keyboard.press('Enter');
    await page.waitForSelector('body.ready');
    await page.waitForSelector('#files-upload');
    await page.click('#session');
    await page.waitForSelector('dialog');
    t.match(await text(page, 'dialog'), /The key of this network is asked for/);
    t.equal(await page.locator('.volcano').count(), 0, 'nothing stays of what was seen');
    await page.keyboard.type(KEY);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#files-upload');
    fixture.endSession();
    await page.waitForSelector('dialog');
    t.match(await text(page, 'dialog'), /The session has ended/);
    t.equal(await page.isVisible('#ring'), false);
  });

  t.test('a connection that is lost is told, with the age of what is seen, and comes back by itself', async (t) => {
    const { page } = await open(t, 'healthy');
    t.equal(await text(page, '#connection'), '● live');
    fixture.silent = true;
    fixture.cut();
    await page.waitForSelector('#lost:visible');
    t.match(await text(page, '#lost'), /^No connection to wallace\. What you see is of .*\d+ s ago\./);
    t.match(await text(page, '#called'), /No connection to wallace/);
    fixture.silent = false;
    await page.waitForSelector('#lost', { state: 'hidden' });
    t.match(await text(page, '#said'), /is back/);
  });

  t.test('the colours that somebody has chosen are remembered', async (t) => {
    const { page } = await open(t, 'alone');
    await page.emulateMedia({ colorScheme: 'light' });
    const paper = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.click('#theme');
    await page.click('#theme');
    const dark = await paper();
    t.not(dark, light);
    await page.reload();
    await page.waitForSelector('body.ready');
    t.equal(await paper(), dark);
    await page.click('#theme');
    t.equal(await paper(), light, 'and go by the system again');
  });
});
