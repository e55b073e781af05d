import t from 'tap';
import type { Stream } from '../net.ts';
import { connectStream, listenStreams } from './stream.ts';

t.test('who destroys a connection with a reset ends it for the peer too, with an error', async (t) => {
  const listener = await listenStreams(['127.0.0.1'], 0);
  t.teardown(() => listener.close());
  const accepted = new Promise<Stream>((resolve) => listener.onConnection(resolve));
  const near = await connectStream(listener.local[0]!);
  const closed = new Promise<Error | undefined>((resolve) => near.onClose(resolve));
  near.onData(() => {});
  (await accepted).destroy(true);
  t.match(await closed, { code: 'ECONNRESET' });
});
