import { keyValueContract } from './key-value-contract.ts';
import { MemoryKeyValues } from './memory-key-value.ts';

keyValueContract({
  name: 'in memory',
  open: async () => {
    const keys = new MemoryKeyValues();
    return [keys.client(), keys.client()];
  },
});
