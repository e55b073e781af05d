import { seededRandom } from '../random.ts';
import { type PacketNote, SimulatedNetwork } from '../simulated/network.ts';
import { VirtualTime } from '../virtual-clock.ts';

/** A simulated network with two hosts, and a process on each. */
export function virtualNetwork(seed = 1, observe?: (note: PacketNote) => void) {
  const time = new VirtualTime();
  const network = new SimulatedNetwork({
    time,
    random: seededRandom(seed),
    ...(observe === undefined ? {} : { observe }),
  });
  const [a, b] = [network.host('a', ['10.0.0.1', 'fd00::1']), network.host('b', ['10.0.0.2', 'fd00::2'])];
  return { time, network, a, b, near: a.process(time.clock()), far: b.process(time.clock()) };
}

/** Lets a virtual time run by itself, as real time does, until it is told to stop. */
export function letRun(time: VirtualTime): () => void {
  let stopped = false;
  const run = async (): Promise<void> => {
    while (!stopped) await time.step();
  };
  run();
  return () => {
    stopped = true;
  };
}
